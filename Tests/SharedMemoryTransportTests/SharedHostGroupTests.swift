import ClusterTestKit
import Collectives
import SharedMemoryTransport
import Testing

/// What members do together, by counters and gate.
@Suite struct SharedHostGroupTests {
    /// Runs `body` for each member of one host.
    private func withMembers<Value: Sendable>(
        _ members: Int, _ body: @escaping @Sendable (SharedHostGroup, SharedArena) throws -> Value
    ) throws -> [Result<Value, any Error>] {
        let network = InMemoryNetwork(size: members)
        return network.run { link in
            let arena = try SharedArena(capacity: 1 << 20)
            let formation = try HostFormation.form(over: Communicator(link: link), arena: arena) {
                network.abortReason
            }
            let group = try #require(formation.group)
            defer { withExtendedLifetime(arena) { group.cancel() } }
            return try body(group, arena)
        }
    }

    /// By piece: who did it, in the arena of the first member, which is the first that each allocates from.
    private func doers(_ group: SharedHostGroup, _ pieces: Int, _ own: SharedBlock) throws -> UnsafeMutablePointer<
        Int32
    > {
        let offset = try #require(group.offset(of: UnsafeRawBufferPointer(own.memory)))
        let place = try #require(group.address(in: 0, offset: offset, count: pieces * 4))
        return place.assumingMemoryBound(to: Int32.self)
    }

    @Test(arguments: [2, 3, 8], [1, 2, 7, 300])
    func everySharedPieceIsDoneOnceBeforeAnyoneGoesOn(members: Int, pieces: Int) throws {
        let outcomes = try withMembers(members) { group, arena in
            let own = try arena.allocate(bytes: pieces * 4)
            let doers = try self.doers(group, pieces, own)
            var wrong: [String] = []
            // Counts pass zero on their way; they climb there by steps that still tell before from after.
            for step in UInt32(1)...3 {
                try group.meet(at: step << 30)
                try group.share(pieces: 1, at: step << 30 + 1) { _ in }
            }
            var count = UInt32.max - 40
            for round in 0..<60 {
                count &+= 1
                try group.meet(at: count)
                count &+= 1
                try group.share(pieces: pieces, at: count) { doers[$0] += 1 }
                for piece in 0..<pieces where doers[piece] != Int32(round + 1) {
                    wrong.append("round \(round): piece \(piece) was done \(doers[piece]) times")
                }
            }
            try withExtendedLifetime(own) { try group.meet(at: count &+ 1) }
            return wrong
        }
        let wrong = try outcomes.flatMap { try $0.get() }
        #expect(wrong.isEmpty)
    }

    @Test(arguments: [2, 3, 8]) func theLastToComeWorksOnceAndBeforeAnyoneGoesOn(members: Int) throws {
        let outcomes = try withMembers(members) { group, arena in
            let own = try arena.allocate(bytes: 4)
            let done = try self.doers(group, 1, own)
            var wrong: [String] = []
            for round in UInt32(1)...500 {
                try group.meet(at: 2 * round) { done[0] += 1 }
                if done[0] != Int32(round) { wrong.append("round \(round): done \(done[0]) times") }
                // So that nobody is a round ahead of who still looks.
                try group.meet(at: 2 * round + 1)
            }
            try withExtendedLifetime(own) { try group.meet(at: 1002) }
            return wrong
        }
        let wrong = try outcomes.flatMap { try $0.get() }
        #expect(wrong.isEmpty)
    }

    @Test func whoComesLateFindsThePiecesDone() throws {
        let pieces = 20
        let outcomes = try withMembers(2) { group, arena in
            let own = try arena.allocate(bytes: pieces * 4)
            let doers = try self.doers(group, pieces, own)
            try group.meet(at: 1)
            if group.member == 1 { try group.wait(for: 0, toReach: 2) }
            try group.share(pieces: pieces, at: 2) { piece in
                doers[piece] = Int32(group.member + 1)
                // Nothing is left to hand out: now the other may begin.
                if piece == pieces - 1 { group.announce(2) }
            }
            let seen = (0..<pieces).map { doers[$0] }
            // The first member's memory is gone once it returns.
            try withExtendedLifetime(own) { try group.meet(at: 3) }
            return seen
        }
        let seen = try outcomes.map { try $0.get() }
        #expect(seen == Array(repeating: Array(repeating: 1, count: pieces), count: 2))
    }
}
