/// Which algorithms and chunk sizes the collectives of one generation use, and why.
///
/// A pure function of the model: ranks with the same model have the same plan.
public struct CollectivePlan: Equatable, Sendable {
    public let model: CostModel
    /// All-reduces of up to `smallBytes`.
    public let small: AllReduceAlgorithm
    /// Longer ones.
    public let large: AllReduceAlgorithm
    /// The size (bytes) up to which `small` is the cheaper one; 0 if there is none, or if both are the same.
    public let smallBytes: Int
    /// The same where the ring, and nothing else, carries packed sums.
    public let smallPackedBytes: Int
    /// Up to this size (bytes) a broadcast takes the tree, beyond it the chain.
    public let broadcastSmallBytes: Int
    /// The longest message of a large collective (bytes).
    public let chunkBytes: Int
    /// The shortest piece that is worth a message of its own only to overlap adding with receiving (bytes).
    public let minimumChunkBytes: Int

    /// Chunks that are considered (bytes). Shorter ones are copied by the transport. Longer ones fall out of the cache, of
    /// which the model knows nothing: on lines of 1 Gbit/s, 64 MiB in chunks of 4 MiB took 4 to 7 % longer than in 1 MiB.
    static let chunkSizes = (16...20).map { 1 << $0 }
    /// Crossover sizes that are considered (bytes). Recursive doubling has its whole buffer in memory once a round, so
    /// it is not for large ones.
    static let crossoverSizes = (10...22).map { 1 << $0 }
    /// Bytes on the ring for each of a packed sum: of 8, addends of gradients mostly take 5 there and results 4.
    static let packedShare = 9.0 / 16

    /// - Parameters:
    ///   - algorithm: `auto`, or the one that all all-reduces must take.
    ///   - sharesCores: whether ranks share cores. Then a message costs more in their time than on its way, of which the
    ///     model knows nothing: among algorithms for small buffers the one with the fewest messages is taken.
    ///   - largeBytes: the size that chunks are chosen for (bytes), from 1 on.
    /// - Throws: `CollectiveError.Cause.invalidArgument` where the ranks' places do not allow `algorithm`.
    public init(
        model: CostModel, algorithm: AllReduceAlgorithm = .auto, sharesCores: Bool = false,
        largeBytes: Int = 25 << 20
    ) throws {
        precondition(largeBytes > 0, "there is something to reduce")
        self.model = model
        let chunk = { Self.chunkBytes(model, $0, bytes: largeBytes) }
        if algorithm == .auto {
            large = Self.cheapest([.ring, .hierarchical, .sharedMemory]) {
                model.allReduceSeconds($0, bytes: largeBytes, chunkBytes: chunk($0))
            }
            let chunkBytes = chunk(large)
            let forSmall: [AllReduceAlgorithm] = sharesCores ? [.tree] : [.recursiveDoubling, .tree]
            small = Self.cheapest([large] + forSmall + [.sharedMemory, .hierarchical]) {
                model.allReduceSeconds($0, bytes: 1024, chunkBytes: chunkBytes)
            }
        } else {
            guard model.allReduceSeconds(algorithm, bytes: largeBytes, chunkBytes: 1 << 20) != nil else {
                throw CollectiveError(.invalidArgument(Self.refusal(algorithm)))
            }
            large = algorithm
            small = algorithm
        }
        chunkBytes = chunk(large)
        let crossover = { [small, large, chunkBytes] (ring: CostModel) in
            Self.crossover { bytes in
                (
                    model.allReduceSeconds(small, bytes: bytes, chunkBytes: chunkBytes) ?? .infinity,
                    ring.allReduceSeconds(large, bytes: bytes, chunkBytes: chunkBytes) ?? .infinity
                )
            }
        }
        smallBytes = small == large ? 0 : crossover(model)
        smallPackedBytes = small == large ? 0 : crossover(model.carrying(Self.packedShare))
        broadcastSmallBytes = Self.crossover { [chunkBytes] bytes in
            (
                model.treeBroadcastSeconds(bytes: bytes),
                model.chainBroadcastSeconds(bytes: bytes, chunkBytes: chunkBytes)
            )
        }
        // Cutting a piece in two gains γ times a half and costs α.
        let worthwhile = model.gamma > 0 ? model.slowestHop.alpha / model.gamma : .infinity
        minimumChunkBytes = min(
            chunkBytes, Self.chunkSizes.first { Double($0) >= worthwhile } ?? Self.chunkSizes.last!)
    }

    /// The way of an all-reduce of `bytes`; never `auto`.
    public func algorithm(bytes: Int) -> AllReduceAlgorithm {
        bytes <= smallBytes ? small : large
    }

    /// Predicted seconds of an all-reduce of `bytes`.
    public func allReduceSeconds(bytes: Int) -> Double {
        model.allReduceSeconds(algorithm(bytes: bytes), bytes: bytes, chunkBytes: chunkBytes) ?? .infinity
    }

    /// The sizes for a `Communicator` of this plan.
    ///
    /// It has one `smallBytes` for all collectives: that of all-reduce, or of broadcast where one algorithm serves
    /// all-reduces of every size.
    public var limits: CollectiveLimits {
        CollectiveLimits(
            chunkBytes: chunkBytes, minimumChunkBytes: minimumChunkBytes,
            smallBytes: small == large ? broadcastSmallBytes : smallBytes, smallPackedBytes: smallPackedBytes,
            small: small == .tree ? .tree : .recursiveDoubling)
    }

    // MARK: Choosing

    /// The chunk size with which the pipeline is shortest; of equals the smallest, which keeps the least in flight.
    private static func chunkBytes(_ model: CostModel, _ algorithm: AllReduceAlgorithm, bytes: Int) -> Int {
        // Algorithms without chunks leave them to the chain of broadcasts.
        let hasChunks = algorithm == .ring || algorithm == .hierarchical
        let seconds = { (chunk: Int) in
            hasChunks
                ? model.allReduceSeconds(algorithm, bytes: bytes, chunkBytes: chunk) ?? .infinity
                : model.chainBroadcastSeconds(bytes: bytes, chunkBytes: chunk)
        }
        // The longest of equals: where leaders go by recursive doubling the model sees no chunks, and fewer messages are
        // never worse.
        return chunkSizes.reversed().map { ($0, seconds($0)) }.min { $0.1 < $1.1 }!.0
    }

    /// The first of those with the lowest cost; nil costs are impossible.
    private static func cheapest(
        _ algorithms: [AllReduceAlgorithm], _ seconds: (AllReduceAlgorithm) -> Double?
    ) -> AllReduceAlgorithm {
        algorithms.map { ($0, seconds($0) ?? .infinity) }.min { $0.1 < $1.1 }!.0
    }

    /// The greatest size up to which the first cost is at no size above the second.
    private static func crossover(_ costs: (Int) -> (Double, Double)) -> Int {
        let sizes = crossoverSizes.prefix { bytes in
            let (first, second) = costs(bytes)
            return first <= second
        }
        return sizes.last ?? 0
    }

    private static func refusal(_ algorithm: AllReduceAlgorithm) -> String {
        algorithm == .hierarchical
            ? "hierarchical needs several hosts, one of them with several ranks; choose auto or ring"
            : "\(algorithm.rawValue) needs all ranks on one host that shares memory; choose auto or hierarchical"
    }
}
