import Collectives
import Testing
import ZeroMQTransport

@Suite struct NetworkLinkFrameTests {
    /// A port with the link of rank 0 of 3, and a socket that speaks to it.
    private func withPort(
        generation: UInt64 = 1, _ body: (DataPort, NetworkLink, Socket) throws -> Void
    ) throws {
        let port = try DataPort(context: try MessagingContext(), bind: "tcp://127.0.0.1:*", keys: nil)
        let peers = Array(repeating: PeerAddress(endpoint: port.endpoint, publicKey: nil), count: 3)
        let link = try port.makeLink(rank: 0, peers: peers, runID: 1, generation: generation, abort: AbortSignal())
        let sender = try rawSender(to: port)
        defer {
            sender.close()
            link.cancel()
            port.close()
        }
        try body(port, link, sender)
    }

    @Test func framesOfAnotherFormAreRefused() throws {
        try withPort { port, link, sender in
            let good = dataHeader(source: 1, sequence: 0)
            let refused: [[[UInt8]]] = [
                [[]],
                [good],
                [Array(good.dropLast()), [1]],
                [good + [0], [1]],
                [good, [1], [2]],
                [good, [1], [2], Array(repeating: 3, count: 100_000), []],
                [[], []],
                [dataHeader(kind: 0x4D44_0001, source: 1, sequence: 0), [1]],
                [dataHeader(kind: 0x4D44_0103, source: 1, sequence: 0), [1]],
                [dataHeader(source: 3, sequence: 0), [1]],
                [dataHeader(source: .max, sequence: 0), [1]],
                // Our own rank.
                [dataHeader(source: 0, sequence: 0), [1]],
            ]
            for frames in refused { try sender.send(frames, waits: true) }
            try sender.send([good, [42]], waits: true)
            #expect(try receiveBytes(link, from: 1) == [42])
            #expect(port.dropped.malformed == refused.count)
            #expect(port.dropped.stale == 0)
        }
    }

    @Test func framesOfAnotherRunOrAnEarlierGenerationAreDropped() throws {
        try withPort(generation: 7) { port, link, sender in
            try sender.send([dataHeader(source: 1, generation: 6, sequence: 0), [1]], waits: true)
            try sender.send([dataHeader(source: 1, generation: 0, sequence: 3), [2]], waits: true)
            try sender.send([dataHeader(source: 1, runID: 2, generation: 7, sequence: 0), [3]], waits: true)
            try sender.send([dataHeader(source: 1, runID: 2, generation: 8, sequence: 0), [4]], waits: true)
            try sender.send([dataHeader(source: 1, generation: 7, sequence: 0), [5]], waits: true)
            #expect(try receiveBytes(link, from: 1) == [5])
            #expect(port.dropped.stale == 4)
            #expect(port.dropped.malformed == 0)
        }
    }

    @Test func framesOfAGenerationToComeAreKeptForIt() throws {
        try withPort { port, link, sender in
            try sender.send([dataHeader(source: 2, generation: 3, sequence: 0), [30]], waits: true)
            try sender.send([dataHeader(source: 2, generation: 2, sequence: 0), [20]], waits: true)
            try sender.send([dataHeader(source: 1, generation: 3, sequence: 0), [31]], waits: true)
            try sender.send([dataHeader(source: 2, generation: 3, sequence: 1), [32]], waits: true)
            try sender.send([dataHeader(source: 1, sequence: 0), [1]], waits: true)
            #expect(try receiveBytes(link, from: 1) == [1])

            let peers = Array(repeating: PeerAddress(endpoint: port.endpoint, publicKey: nil), count: 3)
            let next = try port.makeLink(rank: 0, peers: peers, runID: 1, generation: 3, abort: AbortSignal())
            try sender.send([dataHeader(source: 2, generation: 3, sequence: 2), [33]], waits: true)
            #expect(try receiveBytes(next, from: 1) == [31])
            #expect(try receiveBytes(next, from: 2) == [30])
            #expect(try receiveBytes(next, from: 2) == [32])
            #expect(try receiveBytes(next, from: 2) == [33])
            #expect(throws: CollectiveError.self) { try receiveBytes(link, from: 1) }
        }
    }

    @Test func moreEarlyFramesThanCanBeKeptEndTheirGenerationOnly() throws {
        try withPort { port, link, sender in
            for sequence in UInt64(0)..<5000 {
                try sender.send([dataHeader(source: 2, generation: 2, sequence: sequence), [0]], waits: true)
            }
            try sender.send([dataHeader(source: 1, sequence: 0), [1]], waits: true)
            #expect(try receiveBytes(link, from: 1) == [1])
            let peers = Array(repeating: PeerAddress(endpoint: port.endpoint, publicKey: nil), count: 3)
            #expect(throws: CollectiveError.self) {
                try port.makeLink(rank: 0, peers: peers, runID: 1, generation: 2, abort: AbortSignal())
            }
            let next = try port.makeLink(rank: 0, peers: peers, runID: 1, generation: 3, abort: AbortSignal())
            try sender.send([dataHeader(source: 2, generation: 3, sequence: 0), [3]], waits: true)
            #expect(try receiveBytes(next, from: 2) == [3])
        }
    }

    @Test func framesOfOtherSourcesWaitForTheirTurn() throws {
        try withPort { port, link, sender in
            for index in UInt8(0)..<10 {
                try sender.send([dataHeader(source: 2, sequence: UInt64(index)), [index]], waits: true)
            }
            try sender.send([dataHeader(source: 1, sequence: 0), []], waits: true)
            #expect(try receiveBytes(link, from: 1) == [])
            for index in UInt8(0)..<10 { #expect(try receiveBytes(link, from: 2) == [index]) }
        }
    }

    @Test func aMissingFrameIsALossAndNotAWait() throws {
        try withPort { port, link, sender in
            try sender.send([dataHeader(source: 1, sequence: 0), [0]], waits: true)
            try sender.send([dataHeader(source: 1, sequence: 2), [2]], waits: true)
            #expect(try receiveBytes(link, from: 1) == [0])
            let error = #expect(throws: CollectiveError.self) { try receiveBytes(link, from: 1) }
            guard case .peerLost(rank: 1, _)? = error?.cause else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func aPeerThatSaidGoodbyeIsNotWaitedFor() throws {
        try withPort { port, link, sender in
            try sender.send([dataHeader(source: 1, sequence: 0), [0]], waits: true)
            try sender.send([dataHeader(kind: 0x4D44_0102, source: 1, sequence: 1), []], waits: true)
            #expect(try receiveBytes(link, from: 1) == [0])
            let error = #expect(throws: CollectiveError.self) { try receiveBytes(link, from: 1) }
            #expect(error?.description.contains("left the generation in order") == true)
        }
    }
}
