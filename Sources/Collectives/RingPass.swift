/// Segments of a buffer on their way round the ring, cut into chunks.
///
/// Each rank sends to its right neighbour and receives from its left one. The first segment sent is its own; each
/// further one is the segment that arrived before it, forwarded as soon as its chunk is in. So receiving, adding and
/// forwarding of different chunks overlap, and also the steps do.
struct RingPass {
    /// What happens to a segment that arrives.
    enum Arrival {
        /// It is combined with what is there.
        case reduce
        /// It replaces what is there.
        case store
    }

    let memory: UnsafeMutableRawBufferPointer
    /// The ranks in ring order. Places and segments are numbered along it.
    let ring: [Int]
    /// This rank's place in the ring.
    let place: Int
    /// Byte ranges of the segments; the same on all ranks.
    let segments: [Range<Int>]
    /// The segment sent first.
    let first: Int
    /// The segments that arrive, in order; all but the last are forwarded.
    let arrivals: [(segment: Int, action: Arrival)]
    let chunkBytes: Int
    /// Called before the values that this rank itself has at a chunk are read, once for each chunk of each segment that
    /// is reduced or is the first.
    var prepare: ((_ chunk: Range<Int>) throws -> Void)?
    /// Called when a chunk of an all-reduce has its final value here.
    var finished: ((_ chunk: Range<Int>) throws -> Void)?

    /// The number of chunks of a segment. Empty segments are not sent at all.
    func chunks(of segment: Int) -> Int {
        (segments[segment].count + chunkBytes - 1) / chunkBytes
    }
}

/// Walks through the chunks of a sequence of segments.
private struct ChunkCursor {
    let order: [Int]
    let segments: [Range<Int>]
    let chunkBytes: Int
    /// The index in `order` of the chunk given last.
    private(set) var position = 0
    private var offset = 0

    init(order: [Int], of pass: RingPass) {
        self.order = order
        segments = pass.segments
        chunkBytes = pass.chunkBytes
    }

    /// The next chunk's byte range. Must not be called past the last one.
    mutating func next() -> Range<Int> {
        while offset >= segments[order[position]].count {
            position += 1
            offset = 0
        }
        let segment = segments[order[position]]
        let start = segment.lowerBound + offset
        let end = min(start + chunkBytes, segment.upperBound)
        offset += end - start
        return start..<end
    }
}

extension Communicator {
    /// Runs a pass and waits until its buffers are free.
    ///
    /// No rank waits forever: a rank that holds back a chunk only because of the window has sent more than it received,
    /// so around the ring something is always on its way.
    func run(_ pass: RingPass, _ reduction: Reduction?) throws {
        let length = pass.ring.count
        let right = pass.ring[(pass.place + 1) % length]
        let left = pass.ring[(pass.place + length - 1) % length]
        // The last segment to be reduced here is complete.
        let lastReduced = pass.arrivals.lastIndex { $0.action == .reduce } ?? -1
        observer?.proceeds(by: "ring")
        let base = pass.memory.baseAddress!
        // A place for each chunk, so that what was packed may be replaced when the chunk itself may.
        let packed = reduction?.packing.map { (packing: $0, space: scratch(bytes: pass.memory.count)) }
        let incomingOrder = pass.arrivals.map(\.segment)
        let outgoingOrder = [pass.first] + incomingOrder.dropLast()
        var incoming = ChunkCursor(order: incomingOrder, of: pass)
        var outgoing = ChunkCursor(order: outgoingOrder, of: pass)
        let own = pass.chunks(of: pass.first)
        let toReceive = incomingOrder.reduce(0) { $0 + pass.chunks(of: $1) }
        let toSend = outgoingOrder.reduce(0) { $0 + pass.chunks(of: $1) }
        var sent = 0
        var received = 0
        steps = pass.arrivals.count

        while sent < toSend || received < toReceive {
            // Once all is received there is nothing left to keep pace with.
            let ahead = received == toReceive ? toSend : received + limits.window
            while sent < min(toSend, own + received, ahead) {
                let chunk = outgoing.next()
                if outgoing.position == 0 { try pass.prepare?(chunk) }
                let bytes = UnsafeRawBufferPointer(rebasing: pass.memory[chunk])
                // What is sent after a segment was complete here are results.
                let areResults = outgoing.position > lastReduced
                let message = packed.map { packing, space in
                    areResults
                        ? ExactPacking.message(ofResults: bytes, in: space + chunk.lowerBound)
                        : packing.message(ofAddends: bytes, in: space + chunk.lowerBound)
                }
                try link.send(message ?? bytes, to: right)
                sent += 1
            }
            guard received < toReceive else { continue }
            let chunk = incoming.next()
            step = incoming.position + 1
            let place = base + chunk.lowerBound
            let action = pass.arrivals[incoming.position].action
            if action == .reduce { try pass.prepare?(chunk) }
            try receive(from: left) { bytes in
                guard bytes.take(into: place, count: chunk.count, action, reduction) else {
                    throw CollectiveError(.sizeMismatch(expected: chunk.count, got: bytes.count, from: left))
                }
            }
            received += 1
            let isComplete = incoming.position == lastReduced
            if isComplete { reduction?.complete(place, bytes: chunk.count) }
            if action == .store || isComplete { try pass.finished?(chunk) }
        }
        try link.flush()
    }

    /// Segments are cut into about four chunks at least, so that adding overlaps with receiving, but not too finely.
    func chunkBytes(forSegmentsUpTo bytes: Int) -> Int {
        let quarter = (bytes / 4 + 63) / 64 * 64
        return min(limits.chunkBytes, max(limits.minimumChunkBytes, quarter))
    }
}

extension UnsafeRawBufferPointer {
    /// Takes in this message of a pass, which is to hold a chunk of `count` bytes.
    ///
    /// - Returns: whether it does; nothing is touched otherwise.
    fileprivate func take(
        into place: UnsafeMutableRawPointer, count: Int, _ action: RingPass.Arrival, _ reduction: Reduction?
    ) -> Bool {
        if let packing = reduction?.packing {
            let values = count / MemoryLayout<Double>.stride
            return action == .reduce
                ? packing.add(self, into: place, count: values) : ExactPacking.store(self, into: place, count: values)
        }
        guard self.count == count, let source = baseAddress else { return false }
        if action == .reduce, let reduction {
            reduction(place, source, into: place, bytes: count)
        } else {
            place.copyMemory(from: source, byteCount: count)
        }
        return true
    }
}
