import Torch

/// DenseCL: MoCo v2 for whole images and, beside it, for the cells of the feature maps.
///
///     F = f(x)   feature map, S cells      q = g(mean F)      qˢ = d(Fˢ), a head for cells
///     a cell's positive is the key's cell whose features are most like its own; negatives are old images' mean dense keys
///     loss = (1 − λ)·InfoNCE of images + λ·InfoNCE of cells
///
/// Across workers go the keys, pooled, without gradient.
///
/// Source: Wang et al., "Dense Contrastive Learning for Self-Supervised Visual Pre-Training", CVPR 2021; WXinlong/DenseCL.
public final class DenseCL: Method {
    public let network: Network
    public let target: MomentumNetwork?
    private let queries: Branch
    private let keys: Branch
    private let imageQueue: EmbeddingQueue
    private let cellQueue: EmbeddingQueue
    /// τ.
    private let temperature: Double
    /// λ.
    private let denseShare: Double
    /// All N keys of the step under way, of images and of cells.
    private var newKeys: [Tensor] = []

    /// A network with a head for images and one for cells.
    public struct Branch {
        let network: Network
        let projector: MLPHead
        let denseProjector: MLPHead

        public init(encoder: any Encoder, projector: MLPHead, denseProjector: MLPHead) throws {
            network = try Network(
                encoder: encoder, heads: [("projector", projector), ("dense_projector", denseProjector)])
            self.projector = projector
            self.denseProjector = denseProjector
        }

        /// Images → image embeddings [n, D], cell embeddings [n, D, S], features [n, C, S].
        func forward(_ images: Tensor, mode: ForwardMode) throws -> [Tensor] {
            let map = try network.encoder.featureMap(images, mode: mode)
            let embeddings = try projector.forward(map.globalAveragePool(), mode: mode)
            let (count, channels, cells) = (map.shape[0], map.shape[1], map.shape[2] * map.shape[3])
            let features = try map.permuted([0, 2, 3, 1]).contiguous().reshape([count * cells, channels])
            let dense = try denseProjector.forward(features, mode: mode)
            return [
                embeddings,
                try dense.reshape([count, cells, denseProjector.outputs]).transposed(1, 2),
                try features.detached().reshape([count, cells, channels]).transposed(1, 2),
            ]
        }
    }

    /// - Parameters:
    ///   - keys: a branch of the same form and weights; follows `queries` by `schedule`.
    ///   - queueSize: of either queue.
    public init(
        queries: Branch, keys: Branch, schedule: MomentumSchedule, queueSize: Int, temperature: Double,
        denseShare: Double, seed: UInt64
    ) throws {
        self.queries = queries
        self.keys = keys
        network = queries.network
        target = try MomentumNetwork(keys.network, following: queries.network, schedule: schedule)
        imageQueue = try EmbeddingQueue(
            size: queueSize, dimension: queries.projector.outputs, seed: seed, name: "queue")
        cellQueue = try EmbeddingQueue(
            size: queueSize, dimension: queries.denseProjector.outputs, seed: seed, name: "dense_queue")
        self.temperature = temperature
        self.denseShare = denseShare
    }

    public var memory: [NamedTensor] { imageQueue.state + cellQueue.state }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let q = try step.forward([views[0]], shuffled: false, queries.forward)[0]
        let k = try withoutGradient { try step.forward([views[1]], shuffled: true, keys.forward)[0] }
        // Averaged as they are, and brought to unit length by the queue.
        let pooled = try withoutGradient { try k[1].mean(dims: [2]) }
        newKeys = try [k[0], pooled].map { try step.workers.gather($0) }
        let ofImages = try infoNCE(
            queries: q[0].wide, keys: k[0].wide, queue: imageQueue.rows.wide, temperature: temperature,
            over: step.workers)
        let ofCells = try denseInfoNCE(
            queries: q[1].wide, keys: k[1].wide, queryFeatures: q[2].wide, keyFeatures: k[2].wide,
            queue: cellQueue.rows.wide, temperature: temperature, over: step.workers)
        return MethodLoss(
            share: try ofImages * (1 - denseShare) + ofCells * denseShare, embeddings: [q[0], k[0]])
    }

    public func commit(_ step: any MethodStep) throws {
        for (queue, rows) in zip([imageQueue, cellQueue], newKeys) { try queue.enqueue(rows) }
        newKeys = []
        try target?.follow(step: step.number, of: step.total)
    }
}
