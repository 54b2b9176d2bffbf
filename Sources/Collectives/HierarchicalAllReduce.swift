extension Communicator {
    /// All-reduce over hosts with several ranks: reduce inside each host through shared memory, a ring between the hosts'
    /// leaders, and the result spread inside, chunk by chunk so that all three overlap.
    ///
    /// Only leaders use the network: each sends `2 (h - 1) / h` of the buffer for `h` hosts, however many ranks a host
    /// has. Small buffers go by recursive doubling between the leaders instead of the ring.
    func hierarchicalAllReduce(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        guard let shared else {
            // Alone on its host: its values are the host's.
            if memory.count <= SharedMemoryLayout.slotBytes {
                return try recursiveDoublingAllReduce(memory, reduction, among: leaderRing)
            }
            return try run(allReducePass(memory, over: leaderRing, elementBytes: reduction.elementBytes), reduction)
        }
        if memory.count <= SharedMemoryLayout.slotBytes {
            return try shared.allReduceThroughLeader(memory, reduction) {
                try self.recursiveDoublingAllReduce(memory, reduction, among: self.leaderRing)
            }
        }
        try overlappedAllReduce(memory, reduction, shared)
    }

    private func overlappedAllReduce(
        _ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction, _ shared: SharedMemoryCollectives
    ) throws {
        // As the leader sees it, on every member: the order in which its ring needs the segments.
        let leader = shared.group.ranks[0]
        let place = leaderRing.firstIndex(of: leader) ?? 0
        let hosts = leaderRing.count
        var pass = allReducePass(memory, over: leaderRing, elementBytes: reduction.elementBytes)
        let order = (0..<hosts).map { (place - $0 + hosts) % hosts }
        let chunks = order.flatMap { segment in
            stride(from: pass.segments[segment].lowerBound, to: pass.segments[segment].upperBound, by: pass.chunkBytes)
                .map { [pass] in $0..<min($0 + pass.chunkBytes, pass.segments[segment].upperBound) }
        }
        guard let inside = try shared.beginReduceToLeader(memory, chunks: chunks, reduction) else {
            // Somebody's buffer lies outside the shared memory: one after the other then.
            try shared.allReduce(memory, reduction)
            if rank == leader { try run(pass, reduction) }
            return try shared.broadcast(memory, root: 0)
        }
        guard rank == leader else {
            // Final chunks come in the order in which the leader's ring completes them: the segment after its own, then
            // backwards.
            let completed = (0..<hosts).map { (place + 1 - $0 + hosts) % hosts }
            let finals = completed.flatMap { segment in chunks.filter { pass.segments[segment].contains($0.lowerBound) }
            }
            return try inside.follow(finals: finals)
        }
        let numbers = Dictionary(uniqueKeysWithValues: chunks.enumerated().map { ($1.lowerBound, $0) })
        pass.prepare = { chunk in try inside.complete(chunk: numbers[chunk.lowerBound] ?? 0) }
        pass.finished = { _ in inside.publish() }
        try run(pass, reduction)
        try inside.end()
    }

    /// Broadcast between one rank of each host, then inside the hosts.
    func hierarchicalBroadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int) throws {
        // The root speaks for its host.
        let speakers = leaderRing.map { topology.hosts[$0] == topology.hosts[root] ? root : $0 }
        if speakers.contains(rank) { try networkBroadcast(memory, root: root, among: speakers) }
        guard let shared else { return }
        let speaker = speakers.first { topology.hosts[$0] == topology.hosts[rank] } ?? rank
        try shared.broadcast(memory, root: shared.group.ranks.firstIndex(of: speaker) ?? 0)
    }

    /// All of a host, then the leaders, then all of the host again.
    func hierarchicalBarrier() throws {
        try shared?.synchronize()
        if leaderRing.contains(rank) { try disseminationBarrier(among: leaderRing) }
        try shared?.synchronize()
    }
}
