import Collectives
import Foundation
import Testing
import ZeroMQTransport

@Suite struct NetworkLinkFaultTests {
    @Test func anAbortEndsAWaitForAMessage() throws {
        let signals = try (0..<2).map { _ in try AbortSignal() }
        let results = try withDataPorts(2) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: signals[rank])
            if rank == 0 {
                Thread { signals[0].fire("told to stop") }.start()
            } else {
                Thread { signals[1].fire("told to stop") }.start()
            }
            try link.receive(from: 1 - rank) { _ in }
        }
        for result in results { #expect(cause(result) == .aborted(reason: "told to stop")) }
    }

    @Test func anAbortEndsAWaitForRoomAndGivesTheBuffersBack() throws {
        let done = Gate()
        let signal = try AbortSignal()
        let results = try withDataPorts(2) { rank, port, peers in
            let link = try port.makeLink(
                rank: rank, peers: peers, runID: 1, generation: 1, abort: rank == 0 ? signal : AbortSignal())
            guard rank == 0 else {
                // Takes nothing, so that the queues fill up.
                done.wait()
                return
            }
            defer { done.open() }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
            buffer.initializeMemory(as: UInt8.self, repeating: 1)
            var sent = 0
            do {
                while true {
                    try link.send(UnsafeRawBufferPointer(buffer), to: 1)
                    sent += 1
                    // Some are on their way and many more than the queues hold are to come.
                    if sent == 20 { Thread { signal.fire("enough") }.start() }
                }
            } catch {
                link.cancel()
                // Nothing reads it any more: freed memory would fault or show up at the peer.
                buffer.deallocate()
                throw error
            }
        }
        #expect(cause(results[0]) == .aborted(reason: "enough"))
        #expect(cause(results[1]) == nil)
    }

    @Test func afterAnAbortTheNextGenerationWorksOnTheSamePorts() throws {
        let started = Exchange<Bool>(count: 3)
        let results = try withDataPorts(3) { rank, port, peers in
            let signal = try AbortSignal()
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: signal)
            let communicator = Communicator(link: link)
            var values = [Float](repeating: Float(rank), count: 500_000)
            try communicator.barrier()
            // Rank 2 leaves in mid-collective; the others are left waiting until they are told.
            if rank == 2 {
                link.cancel()
                _ = started(true, at: rank)
            } else {
                Thread {
                    _ = started(true, at: rank)
                    signal.fire("rank 2 left")
                }.start()
                #expect(throws: CollectiveError.self) {
                    try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
                }
            }
            let next = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 2, abort: AbortSignal())
            defer { next.close() }
            for index in values.indices { values[index] = Float(rank + 1) }
            try values.withUnsafeMutableBufferPointer { try Communicator(link: next).allReduce($0, .sum) }
            return values.allSatisfy { $0 == 6 }
        }
        for result in results { #expect(try result.get()) }
    }

    @Test func aRankWhosePortIsGoneIsNoticed() throws {
        let results = try withDataPorts(2) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            let communicator = Communicator(link: link)
            try communicator.barrier()
            if rank == 1 {
                // As when the process ends: no goodbye.
                link.cancel()
                port.close()
                return
            }
            try communicator.barrier()
        }
        guard case .peerLost(rank: 1, let reason)? = cause(results[0]) else {
            Issue.record("\(results[0])")
            return
        }
        #expect(reason.contains("closed"))
    }

    @Test func ranksThatEndInOrderAreNoLossToThoseThatStillWork() throws {
        let left = Gate()
        let results = try withDataPorts(3) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            try Communicator(link: link).barrier()
            var text = [UInt8]("late".utf8)
            switch rank {
            case 0:
                link.close()
                port.close()
                left.open()
            case 1:
                // Connected to rank 0, whose port closes while this waits for rank 2.
                text = try receiveBytes(link, from: 2)
            default:
                left.wait()
                // It is time itself that must not matter: longer than a closed connection is given.
                Thread.sleep(forTimeInterval: 0.6)
                try text.withUnsafeBytes { try link.send($0, to: 1) }
                try link.flush()
            }
            return text
        }
        for result in results { #expect(try result.get() == Array("late".utf8)) }
    }
}
