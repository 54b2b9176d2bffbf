/// The collectives of one generation of ranks.
///
/// Belongs to one thread. All ranks must call the same collectives in the same order with the same sizes, and be made
/// with the same `CollectiveLimits`. A call returns when this rank's part is done and its buffers are its own again; it
/// throws `CollectiveError`, after which the buffers hold unspecified values and every further call throws. With one
/// rank nothing is sent.
public final class Communicator {
    public let link: any Link
    public let limits: CollectiveLimits
    /// This process' place, in `0..<size`.
    public let rank: Int
    /// The number of ranks.
    public let size: Int
    /// Which ranks share a host.
    public let topology: Topology
    /// The collectives of this host's ranks; nil where this rank is alone.
    let shared: SharedMemoryCollectives?
    /// All ranks in the order of the ring; members of a host are neighbours.
    let ring: [Int]
    /// The hosts' leaders in the order of their ring.
    let leaderRing: [Int]

    /// The hosts in the order of the ring.
    public var hostOrder: [Int] { leaderRing.map { topology.hosts[$0] } }
    /// Which way all-reduces go; the same on all ranks.
    public let algorithm: AllReduceAlgorithm
    /// Is told of each collective; nil asks nothing of anybody.
    public var observer: (any CollectiveObserver)?

    /// Where the collective in progress stands, for errors.
    var step = 0
    var steps = 0
    private var failure: CollectiveError?
    /// Those of the all-reduce in progress.
    let waits = Waits()
    /// Reused by collectives whose intermediate results, or packed messages, must outlive their being sent.
    private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// - Parameters:
    ///   - link: to all ranks.
    ///   - hosts: by rank, the number of its host; nil counts every rank as a host of its own.
    ///   - group: the ranks of this rank's host; nil if it shares memory with nobody.
    ///   - hostOrder: the hosts in the order of the ring, each once; nil takes them by number.
    ///   - algorithm: which way all-reduces go; the same on all ranks.
    public init(
        link: any Link, limits: CollectiveLimits = CollectiveLimits(), hosts: [Int]? = nil,
        group: (any SharedMemoryGroup)? = nil, hostOrder: [Int]? = nil, algorithm: AllReduceAlgorithm = .auto
    ) {
        self.link = link
        self.limits = limits
        self.algorithm = algorithm
        rank = link.rank
        size = link.size
        topology = Topology(hosts: hosts ?? Array(0..<link.size))
        shared = group.map { [waits] in SharedMemoryCollectives($0, waits: waits) }
        let order = hostOrder ?? Array(0..<topology.hostCount)
        precondition(order.sorted() == Array(0..<topology.hostCount), "each host stands in the ring once")
        ring = order.flatMap { [members = topology.members] in members[$0] }
        leaderRing = order.map { [members = topology.members] in members[$0][0] }
    }

    /// - Parameter chunkBytes: the longest message of a large collective.
    public convenience init(link: any Link, chunkBytes: Int) {
        var limits = CollectiveLimits()
        limits.chunkBytes = chunkBytes
        self.init(link: link, limits: limits)
    }

    deinit {
        scratch.deallocate()
    }

    /// Replaces each element by its reduction over all ranks, in place. Every rank ends with the same bits.
    ///
    /// - Parameter work: is done, piece by piece, while this rank would wait for others; what is left then is the caller's.
    ///   What it throws is thrown when the all-reduce is done, which it does not disturb.
    public func allReduce<T: ReducibleElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, _ operation: ReductionOperation,
        meanwhile work: (any SpareWork)? = nil
    ) throws {
        try waits.fill(with: work, observer) { try allReduce(buffer.bytes, Reduction(operation, T.elementKind)) }
    }

    /// Sums each element over all ranks, in place, as `allReduce` does, but in fewer bytes where chunks go round a ring: for a
    /// caller who rounds the sums to float32. Sums that went round a ring are rounded already, others are not, on all ranks
    /// alike.
    ///
    /// - Parameter quantum: a power of two. Elements that are multiples of it, below 2⁴⁷ of them, travel in 4 to 6 bytes
    ///   without loss and others as they are; their sums in 4.
    public func allReduceSum(
        _ buffer: UnsafeMutableBufferPointer<Double>, multiplesOf quantum: Double, roundedTo: Float.Type
    ) throws {
        try allReduce(buffer.bytes, Reduction(.sum, .double, packing: ExactPacking(quantum: quantum)))
    }

    private func allReduce(_ memory: UnsafeMutableRawBufferPointer?, _ reduction: Reduction) throws {
        try perform("all-reduce", bytes: memory?.count ?? 0) {
            guard let memory else { return }
            switch try way(bytes: memory.count, isPacked: reduction.packing != nil) {
            case .sharedMemory: try shared?.allReduce(memory, reduction)
            case .hierarchical: try hierarchicalAllReduce(memory, reduction)
            case .recursiveDoubling: try recursiveDoublingAllReduce(memory, reduction, among: ring)
            case .tree: try treeAllReduce(memory, reduction)
            case .ring, .auto: try ringAllReduce(memory, reduction)
            }
        }
    }

    /// The way that an all-reduce of `bytes` takes; never `auto`.
    private func way(bytes: Int, isPacked: Bool) throws -> AllReduceAlgorithm {
        switch algorithm {
        case .auto:
            if topology.isOneHost, shared != nil { return .sharedMemory }
            if topology.isHierarchical { return .hierarchical }
            return bytes <= (isPacked ? limits.smallPackedBytes : limits.smallBytes) ? limits.small : .ring
        case .sharedMemory where shared == nil || !topology.isOneHost:
            throw CollectiveError(.invalidArgument("shared-memory needs all ranks on one host that shares memory"))
        case .hierarchical where !topology.isHierarchical:
            throw CollectiveError(.invalidArgument("hierarchical needs several hosts, one of them with several ranks"))
        default: return algorithm
        }
    }

    /// Concatenates all ranks' parts in rank order.
    ///
    /// - Parameters:
    ///   - own: this rank's part, `counts[rank]` elements; it may be its place in `all`.
    ///   - counts: the number of elements of each rank; the same on all ranks, zero allowed.
    ///   - all: as many elements as `counts` sums to.
    public func allGather<T: ReducibleElement>(
        _ own: UnsafeBufferPointer<T>, counts: [Int], into all: UnsafeMutableBufferPointer<T>
    ) throws {
        try perform("all-gather", alone: true, bytes: all.count * MemoryLayout<T>.stride) {
            let parts = try layOut(counts, all.count)
            guard own.count == counts[rank] else {
                throw CollectiveError(
                    .invalidArgument("counts[\(rank)] is \(counts[rank]), own part has \(own.count) elements"))
            }
            guard let memory = all.bytes else { return }
            let stride = MemoryLayout<T>.stride
            if let source = own.baseAddress, own.count > 0 {
                (memory.baseAddress! + parts[rank].lowerBound * stride)
                    .copyMemory(from: source, byteCount: own.count * stride)
            }
            let ranges = parts.map { $0.lowerBound * stride..<$0.upperBound * stride }
            if let shared, topology.isOneHost {
                try shared.allGather(memory, parts: ranges)
            } else {
                try ringAllGather(memory, parts: ranges)
            }
        }
    }

    /// Reduces over all ranks and leaves each rank its part, in place: rank `r`'s begins at element
    /// `counts[..<r].sum` of its `buffer`. The rest of the buffer is unspecified afterwards.
    ///
    /// - Parameter counts: the number of elements of each rank's part; the same on all ranks, zero allowed. They sum to
    ///   `buffer.count`.
    public func reduceScatter<T: ReducibleElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, counts: [Int], _ operation: ReductionOperation
    ) throws {
        try perform("reduce-scatter", alone: true, bytes: buffer.count * MemoryLayout<T>.stride) {
            let parts = try layOut(counts, buffer.count)
            guard let memory = buffer.bytes else { return }
            let stride = MemoryLayout<T>.stride
            let ranges = parts.map { $0.lowerBound * stride..<$0.upperBound * stride }
            let reduction = Reduction(operation, T.elementKind)
            if let shared, topology.isOneHost {
                try shared.reduceScatter(memory, parts: ranges, reduction)
            } else {
                try ringReduceScatter(memory, parts: ranges, reduction)
            }
        }
    }

    /// Overwrites every rank's buffer with root's.
    public func broadcast<T: BitwiseCopyable>(_ buffer: UnsafeMutableBufferPointer<T>, root: Int) throws {
        try broadcast(UnsafeMutableRawBufferPointer(buffer), root: root)
    }

    /// Overwrites every rank's bytes with root's.
    public func broadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int) throws {
        try perform("broadcast", alone: true, bytes: memory.count) {
            guard (0..<size).contains(root) else {
                throw CollectiveError(.invalidArgument("root \(root) is not a rank"))
            }
            guard memory.count > 0 else { return }
            if let shared, topology.isOneHost {
                try shared.broadcast(memory, root: root)
            } else {
                try hierarchicalBroadcast(memory, root: root)
            }
        }
    }

    /// Returns once all ranks have entered.
    public func barrier() throws {
        try perform("barrier") {
            if let shared, topology.isOneHost {
                try shared.synchronize()
            } else {
                try hierarchicalBarrier()
            }
        }
    }

    /// Receives a message as `Link.receive` does, after the work that the caller has for the wait.
    func receive(from peer: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try waits.pass { try link.hasArrived(from: peer) }
        try link.receive(from: peer, body)
    }

    /// `bytes` of memory that keeps its address until the next call.
    func scratch(bytes: Int) -> UnsafeMutableRawPointer {
        if scratch.count < bytes {
            scratch.deallocate()
            scratch = .allocate(byteCount: bytes, alignment: 64)
        }
        return scratch.baseAddress!
    }

    /// Runs a collective, gives its errors their place, and ends the link with the first one.
    ///
    /// - Parameters:
    ///   - alone: whether there is something to do also with one rank.
    ///   - bytes: of the whole buffer, for the observer.
    func perform(_ collective: String, alone: Bool = false, bytes: Int = 0, _ body: () throws -> Void) throws {
        if let failure { throw CollectiveError(.unusable(earlier: failure.description)) }
        guard size > 1 || alone else { return }
        observer?.began(collective, bytes: bytes)
        defer { observer?.ended() }
        if shared != nil, topology.isOneHost { observer?.proceeds(by: "shared memory") }
        step = 0
        steps = 0
        do {
            try body()
        } catch {
            var failure = error as? CollectiveError ?? CollectiveError(.transport("\(error)"))
            failure.place = CollectiveError.Place(
                collective: collective, step: step, steps: steps, rank: rank, size: size)
            self.failure = failure
            // The caller may free its buffers now, so nothing may read them any more.
            link.cancel()
            shared?.group.cancel()
            throw failure
        }
    }

    func layOut(_ counts: [Int], _ total: Int) throws -> [Range<Int>] {
        guard counts.count == size, counts.allSatisfy({ $0 >= 0 }) else {
            throw CollectiveError(.invalidArgument("counts \(counts) are not one size for each of \(size) ranks"))
        }
        var parts: [Range<Int>] = []
        var start = 0
        for count in counts {
            let (end, overflow) = start.addingReportingOverflow(count)
            guard !overflow else { throw CollectiveError(.invalidArgument("counts \(counts) overflow")) }
            parts.append(start..<end)
            start = end
        }
        guard start == total else {
            throw CollectiveError(
                .invalidArgument("counts \(counts) sum to \(start), the buffer has \(total) elements"))
        }
        return parts
    }
}

extension UnsafeMutableBufferPointer {
    /// The same memory untyped; nil if empty.
    var bytes: UnsafeMutableRawBufferPointer? {
        count > 0 ? UnsafeMutableRawBufferPointer(self) : nil
    }
}
