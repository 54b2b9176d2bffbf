import Randomness
import Torch

/// DeepCluster-v2: crops predict the cluster that their image was given at the epoch's beginning.
///
///     bank: for each image, ẑ of its global crops as last seen      at each epoch: spherical k-means of the bank
///     loss = mean over heads of cross-entropy(ẑ·Cᵀ/τ, cluster)   over all crops, C the centroids
///
/// Every head clusters anew, from other beginnings and of the two global crops in turn. The bank is begun by a pass over
/// the dataset without learning. k-means is shared by the workers. An image that no step has seen yet has no cluster.
///
/// Source: Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020;
/// `main_deepclusterv2.py` of facebookresearch/swav.
public final class DeepClusterV2: Method {
    /// The cluster of an image without one.
    static let none: Int64 = -100

    public let network: Network
    private let encoder: any Encoder
    private let projector: MLPHead
    private let heads: [Prototypes]
    private let temperature: Double
    private let kMeans: SphericalKMeans
    private let seed: UInt64
    /// One for each global crop.
    private let banks: [FeatureBank]
    /// [heads, images], the clusters of the epoch.
    private let assignments: Tensor
    /// The epoch that was clustered last, −1 before the first: int64 [1].
    private let clusteredEpoch: Tensor
    /// All N embeddings of each global crop of the step under way.
    private var embeddings: [Tensor] = []

    /// - Parameters:
    ///   - heads: sets of prototypes, all of one count.
    ///   - images: in the dataset.
    ///   - rounds: of k-means.
    public init(
        encoder: any Encoder, projector: MLPHead, heads: [Prototypes], temperature: Double, rounds: Int, images: Int,
        seed: UInt64
    ) throws {
        network = try Network(
            encoder: encoder,
            heads: [("projector", projector)] + heads.enumerated().map { ("prototypes.\($0)", $1) })
        self.encoder = encoder
        self.projector = projector
        self.heads = heads
        self.temperature = temperature
        self.seed = seed
        kMeans = SphericalKMeans(clusters: heads.first?.count ?? 1, rounds: rounds)
        banks = try (0..<2).map { try FeatureBank(images: images, dimension: projector.outputs, name: "bank\($0)") }
        assignments = try Tensor(
            [Int64](repeating: Self.none, count: heads.count * images), shape: [heads.count, images])
        clusteredEpoch = try Tensor([Int64(-1)], shape: [1])
    }

    public var memory: [NamedTensor] {
        banks.flatMap(\.state) + [
            NamedTensor(name: "assignments", tensor: assignments),
            NamedTensor(name: "clustered_epoch", tensor: clusteredEpoch),
        ]
    }

    public var needsFirstPass: Bool { true }

    public func observe(_ views: [Tensor], in step: any MethodStep) throws {
        let z = try withoutGradient { try forward(Array(views.prefix(2)), in: step).map { $0[0] } }
        for (bank, own) in zip(banks, z) { try bank.write(step.workers.gather(own), of: step.samples) }
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        try cluster(in: step)
        let crops = try forward(views, in: step)
        let global = crops.prefix(2).map { $0[0] }
        embeddings = try global.map { try step.workers.gather($0) }
        let own = try Tensor(step.samples[step.workers.ownRows].map { Int64($0) }, shape: [step.workers.ownRows.count])
        let losses = try heads.indices.map { head in
            try clusterCrossEntropy(
                scores: crops.map { try $0[1 + head].wide },
                assignments: assignments.selected(dim: 0, index: head).indexSelected(dim: 0, indices: own),
                temperature: temperature, over: step.workers)
        }
        let share = try losses.dropFirst().reduce(losses[0]) { try $0 + $1 } / Double(heads.count)
        return MethodLoss(share: share, embeddings: global)
    }

    /// By crop: z without gradient, then the scores of each head.
    private func forward(_ crops: [Tensor], in step: any MethodStep) throws -> [[Tensor]] {
        try step.forward(crops: crops) { [encoder, projector, heads] images, mode in
            let z = try projector.forward(encoder.forward(images, mode: mode), mode: mode)
            return try [z.detached()] + heads.map { try $0.forward(z, mode: mode) }
        }
    }

    /// Clusters the bank, once an epoch. A pure function of the bank and the epoch, so that a step that is broken off may
    /// do it again.
    private func cluster(in step: any MethodStep) throws {
        guard try clusteredEpoch.int64s()[0] != Int64(step.epoch) else { return }
        for (head, prototypes) in heads.enumerated() {
            let bank = banks[head % banks.count]
            let known = try bank.known
            guard !known.isEmpty else {
                throw ContrastiveError(
                    .state, in: "DeepCluster-v2", "the bank is empty, so there is nothing to cluster")
            }
            let points = try bank.rows.indexSelected(
                dim: 0, indices: Tensor(known.map { Int64($0) }, shape: [known.count]))
            let result = try kMeans(
                points, stream: Philox(seed: seed, path: [Self.streamTag, UInt64(step.epoch), UInt64(head)]),
                over: step.workers)
            try prototypes.replace(by: result.centroids)
            var clusters = [Int64](repeating: Self.none, count: bank.count)
            for (image, cluster) in zip(known, result.assignments) { clusters[image] = Int64(cluster) }
            try assignments.selected(dim: 0, index: head).copyInPlace(from: Tensor(clusters, shape: [bank.count]))
        }
        try clusteredEpoch.copyInPlace(from: Tensor([Int64(step.epoch)], shape: [1]))
    }

    private static let streamTag: UInt64 = 0x6b6d_6561_6e73

    public func commit(_ step: any MethodStep) throws {
        for (bank, rows) in zip(banks, embeddings) { try bank.write(rows, of: step.samples) }
        embeddings = []
    }

    /// Centroids are prototypes: gradients do not move them.
    public func learningRate(of parameter: Parameter, scheduled rate: Double, in step: any MethodStep) -> Double? {
        parameter.name.hasPrefix("prototypes.") ? nil : rate
    }
}
