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
        let lastReduced = pass.arrivals.lastIndex { $0.action == .reduce }
        observer?.proceeds(by: "ring")
        let base = pass.memory.baseAddress!
        let packing = reduction?.packing
        // A place for each chunk, so that what was packed may be replaced when the chunk itself may.
        let packed = packing == nil ? base : scratch(bytes: pass.memory.count)
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
                try link.send(packing?.message(of: bytes, in: packed + chunk.lowerBound) ?? bytes, to: right)
                sent += 1
            }
            guard received < toReceive else { continue }
            let chunk = incoming.next()
            step = incoming.position + 1
            let place = base + chunk.lowerBound
            let action = pass.arrivals[incoming.position].action
            if action == .reduce { try pass.prepare?(chunk) }
            try waits.pass { try link.hasArrived(from: left) }
            try link.receive(from: left) { bytes in
                if let packing {
                    let count = chunk.count / MemoryLayout<Double>.stride
                    if packing.take(bytes, into: place, count: count, adding: action == .reduce) { return }
                }
                guard packing == nil, bytes.count == chunk.count else {
                    throw CollectiveError(.sizeMismatch(expected: chunk.count, got: bytes.count, from: left))
                }
                if action == .reduce, let reduction {
                    reduction(place, bytes.baseAddress!, into: place, bytes: chunk.count)
                } else {
                    place.copyMemory(from: bytes.baseAddress!, byteCount: chunk.count)
                }
            }
            received += 1
            if action == .store || incoming.position == lastReduced { try pass.finished?(chunk) }
        }
        try link.flush()
    }

    /// Segments are cut into about four chunks at least, so that adding overlaps with receiving, but not too finely.
    func chunkBytes(forSegmentsUpTo bytes: Int) -> Int {
        let quarter = (bytes / 4 + 63) / 64 * 64
        return min(limits.chunkBytes, max(limits.minimumChunkBytes, quarter))
    }
}
