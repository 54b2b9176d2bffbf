import Collectives
import Foundation
import Synchronization
import Testing
import ZeroMQTransport

/// Whether an all-reduce of known values over a link has their exact sums.
private func sumsExactly(_ link: NetworkLink) throws -> Bool {
    var values = (0..<200_000).map { Float($0 % 100 + link.rank) }
    try values.withUnsafeMutableBufferPointer { try Communicator(link: link).allReduce($0, .sum) }
    let ranks = link.size
    return values.indices.allSatisfy { values[$0] == Float($0 % 100 * ranks + ranks * (ranks - 1) / 2) }
}

@Suite struct NetworkLinkSecurityTests {
    /// Runs `body` for each rank on a thread with a port, keys and an authenticator of its own.
    private func withSecurePorts<Value: Sendable>(
        _ size: Int,
        _ body: @escaping @Sendable (Int, DataPort, [PeerAddress], Authenticator) throws -> Value
    ) throws -> [Result<Value, any Error>] {
        let keys = try (0..<size).map { _ in try CurveKeyPair.generate() }
        let addresses = Exchange<PeerAddress>(count: size)
        return onThreads(size) { rank in
            let context = try MessagingContext()
            let authenticator = try Authenticator(context: context) { _ in }
            defer { authenticator.stop() }
            let port = try DataPort(context: context, bind: "tcp://127.0.0.1:*", keys: keys[rank])
            defer { port.close() }
            let peers = addresses(
                PeerAddress(endpoint: port.endpoint, publicKey: keys[rank].publicKey), at: rank)
            return try body(rank, port, peers, authenticator)
        }
    }

    @Test func encryptedCollectivesAreExact() throws {
        let results = try withSecurePorts(3) { rank, port, peers, authenticator in
            authenticator.setAllowed(Set(peers.compactMap(\.publicKey)), in: .data)
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            return try sumsExactly(link)
        }
        for result in results { #expect(try result.get()) }
    }

    @Test func aTrustedNetworkCarriesPlainCollectives() throws {
        let addresses = Exchange<PeerAddress>(count: 2)
        let results = onThreads(2) { rank in
            // A wildcard leaves the host, as far as the check can tell.
            let port = try DataPort(
                context: try MessagingContext(), bind: "tcp://0.0.0.0:*", keys: nil, trustsNetwork: true)
            defer { port.close() }
            #expect(requiresEncryption(port.endpoint))
            let peers = addresses(PeerAddress(endpoint: port.endpoint, publicKey: nil), at: rank)
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            return try sumsExactly(link)
        }
        for result in results { #expect(try result.get()) }
    }

    @Test func aRankThatIsAdmittedLateIsWaitedFor() throws {
        let refused = Gate()
        let results = try withSecurePorts(2) { rank, port, peers, authenticator in
            // Rank 1 hears of the new generation after rank 0 knocked for the first time.
            if rank == 1 {
                Thread {
                    while authenticator.denialCount == 0 { sched_yield() }
                    refused.open()
                }.start()
                refused.wait()
            }
            authenticator.setAllowed(Set(peers.compactMap(\.publicKey)), in: .data)
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            try Communicator(link: link).barrier()
            return authenticator.denialCount
        }
        #expect(try results[0].get() == 0)
        #expect(try results[1].get() >= 1)
    }

    @Test func aRankWithoutAdmissionIsToldWhy() throws {
        let told = Gate()
        let results = try withSecurePorts(2) { rank, port, peers, authenticator in
            if rank == 1 {
                told.wait()
                return
            }
            defer { told.open() }
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            try Communicator(link: link).barrier()
        }
        guard case .peerLost(rank: 1, let reason)? = cause(results[0]) else {
            Issue.record("\(results[0])")
            return
        }
        #expect(reason.contains("refuses our key"))
    }

    @Test func aMemberCannotSpeakForAnotherRank() throws {
        let spoken = Exchange<Bool>(count: 2)
        let results = try withSecurePorts(3) { rank, port, peers, authenticator in
            authenticator.setAllowed(Set(peers.compactMap(\.publicKey)), in: .data)
            if rank == 2 {
                // Says that it is rank 1 of a link whose rank 0 listens.
                let link = try port.makeLink(
                    rank: 1, peers: [peers[0], peers[2]], runID: 1, generation: 1, abort: AbortSignal())
                try [UInt8("!".utf8.first ?? 0)].withUnsafeBytes { try link.send($0, to: 0) }
                link.close()
                spoken.put(true, at: 0)
                return [UInt8]()
            }
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            if rank == 1 {
                spoken.put(true, at: 1)
                _ = spoken.all()
                try [UInt8]("true".utf8).withUnsafeBytes { try link.send($0, to: 0) }
                return []
            }
            return try receiveBytes(link, from: 1)
        }
        #expect(try results[0].get() == Array("true".utf8))
    }
}
