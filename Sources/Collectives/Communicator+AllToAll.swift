extension Communicator {
    /// Gives each rank a part of its own and takes one from each: a transposition of parts over ranks.
    ///
    /// A pairwise exchange: in step `k` of `size - 1` rank `r` sends to `r + k` and receives from `r - k`, so that each
    /// rank has one sender and one receiver at a time. With *n* bytes for the others in all: (p−1) α + β n, and the most
    /// that is on its way to one rank are the parts for it. Empty parts are sent too, as empty messages: ranks that
    /// disagree about a part are told so instead of waiting for it.
    ///
    /// - Parameters:
    ///   - own: the parts for ranks 0, 1, … one after the other. Must not overlap `received`.
    ///   - sendCounts: the number of elements for each rank, zero allowed; sums to `own.count`.
    ///   - received: the parts from ranks 0, 1, … one after the other.
    ///   - receiveCounts: the number of elements from each rank: what that rank's `sendCounts` has for this one; sums to
    ///     `received.count`.
    /// - Throws: `CollectiveError`; `sizeMismatch` where a rank's part is not as long as expected.
    public func allToAll<T: BitwiseCopyable>(
        _ own: UnsafeBufferPointer<T>, sendCounts: [Int], into received: UnsafeMutableBufferPointer<T>,
        receiveCounts: [Int]
    ) throws {
        try perform("all-to-all", alone: true) {
            let outgoing = try layOut(sendCounts, own.count)
            let incoming = try layOut(receiveCounts, received.count)
            guard sendCounts[rank] == receiveCounts[rank] else {
                throw CollectiveError(
                    .invalidArgument(
                        "rank \(rank) sends itself \(sendCounts[rank]) elements and receives \(receiveCounts[rank])"))
            }
            let stride = MemoryLayout<T>.stride
            let source = UnsafeRawBufferPointer(own)
            let target = UnsafeMutableRawBufferPointer(received)
            func bytes(_ part: Range<Int>) -> Range<Int> { part.lowerBound * stride..<part.upperBound * stride }
            UnsafeMutableRawBufferPointer(rebasing: target[bytes(incoming[rank])])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[bytes(outgoing[rank])]))
            steps = size - 1
            for distance in 1..<max(size, 1) {
                step = distance
                let right = (rank + distance) % size
                let left = (rank + size - distance) % size
                try exchange(
                    UnsafeRawBufferPointer(rebasing: source[bytes(outgoing[right])]), to: right,
                    UnsafeMutableRawBufferPointer(rebasing: target[bytes(incoming[left])]), from: left)
            }
            try link.flush()
        }
    }

    /// Sends to one rank and receives from another, in messages of `chunkBytes` at most.
    ///
    /// Chunks go and come in turn, so that no more than one more than was received is on its way. Buffers: what is sent
    /// is read until `flush`.
    private func exchange(
        _ outgoing: UnsafeRawBufferPointer, to right: Int, _ incoming: UnsafeMutableRawBufferPointer, from left: Int
    ) throws {
        // An empty part is one empty message.
        let sending = max(1, (outgoing.count + limits.chunkBytes - 1) / limits.chunkBytes)
        let receiving = max(1, (incoming.count + limits.chunkBytes - 1) / limits.chunkBytes)
        for chunk in 0..<max(sending, receiving) {
            let start = chunk * limits.chunkBytes
            if chunk < sending {
                let end = min(start + limits.chunkBytes, outgoing.count)
                try link.send(UnsafeRawBufferPointer(rebasing: outgoing[start..<end]), to: right)
            }
            guard chunk < receiving else { continue }
            let place = UnsafeMutableRawBufferPointer(
                rebasing: incoming[start..<min(start + limits.chunkBytes, incoming.count)])
            try link.receive(from: left) { message in
                guard message.count == place.count else {
                    throw CollectiveError(.sizeMismatch(expected: place.count, got: message.count, from: left))
                }
                place.copyMemory(from: message)
            }
        }
    }
}
