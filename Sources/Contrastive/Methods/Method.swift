import Torch

/// A self-supervised method: its networks, what it remembers, and what one step does with them.
///
/// A step is `loss`, backward, the optimiser's change of `network`, then `commit`. Until `commit` nothing of the method
/// changes, so that a step that is broken off can be done again.
public protocol Method: AnyObject {
    /// What gradients train: the encoder and the heads.
    var network: Network { get }
    /// The moving average of the network, where the method has one.
    var target: MomentumNetwork? { get }
    /// What the method remembers besides: queues and banks, the same on every worker. Part of checkpoints.
    var memory: [NamedTensor] { get }

    /// Whether `observe` must see the dataset once before the first step.
    var needsFirstPass: Bool { get }
    /// Sees a batch without learning from it.
    func observe(_ views: [Tensor], in step: any MethodStep) throws

    /// This worker's share of the step's loss; the shares of all workers sum to it.
    ///
    /// - Parameter views: this worker's images by view, each [n, C, H, W].
    func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss

    /// The step's update is made: moves targets, queues and banks on.
    func commit(_ step: any MethodStep) throws

    /// What becomes of `rate`, the schedule's, for a parameter in this step; nil leaves the parameter as it is.
    func learningRate(of parameter: Parameter, scheduled rate: Double, in step: any MethodStep) -> Double?
}

extension Method {
    public var target: MomentumNetwork? { nil }
    public var memory: [NamedTensor] { [] }
    public var needsFirstPass: Bool { false }
    public func observe(_ views: [Tensor], in step: any MethodStep) throws {}
    public func commit(_ step: any MethodStep) throws {}
    public func learningRate(of parameter: Parameter, scheduled rate: Double, in step: any MethodStep) -> Double? {
        rate
    }

    /// Takes up what another method of the same kind and size gave as `memory`; all or nothing.
    public func loadMemory(_ saved: [NamedTensor]) throws { try copy(saved, into: memory, of: "memory") }

    /// All normalisations whose running statistics a step moves, the target's too.
    public var batchNorms: [BatchNorm] { network.batchNorms + (target?.network.batchNorms ?? []) }
}

/// What a method's loss gives.
public struct MethodLoss {
    /// This worker's share, a scalar.
    public let share: Tensor
    /// The embeddings of two views of this worker's images, [n, D] each, before normalisation: what is watched for
    /// collapse.
    public let embeddings: [Tensor]

    public init(share: Tensor, embeddings: [Tensor]) {
        self.share = share
        self.embeddings = embeddings
    }
}

/// A step as a method sees it.
public protocol MethodStep: AnyObject {
    var workers: any Workers { get }
    /// Steps done before this one.
    var number: Int { get }
    /// Steps of the whole run.
    var total: Int { get }
    /// From 0.
    var epoch: Int { get }
    /// The dataset's indices of all N images, in sample order.
    var samples: [Int] { get }

    /// Runs views through a network, in slices, with the run's kind of batch normalisation.
    ///
    /// - Parameters:
    ///   - views: [n, C, H, W] each, of one size; they are normalised together.
    ///   - shuffled: statistics shall not tell which images belong together (MoCo): where the run shuffles, the images
    ///     are dealt anew over all workers' slices. Only without gradient.
    ///   - network: images → outputs, each with a row for every image; a function of its input and parameters alone, as it
    ///     may be run again in backward.
    /// - Returns: by view, then by output: this worker's rows in sample order.
    func forward(
        _ views: [Tensor], shuffled: Bool, _ network: @escaping (Tensor, ForwardMode) throws -> [Tensor]
    ) throws -> [[Tensor]]
}

extension MethodStep {
    /// Views that are normalised together → their embeddings.
    public func forward(_ views: [Tensor], _ network: some Layer) throws -> [Tensor] {
        try forward(views, shuffled: false) { [try network.forward($0, mode: $1)] }.map { $0[0] }
    }

    /// One view, normalised by itself → its embeddings.
    public func forward(_ view: Tensor, _ network: some Layer) throws -> Tensor {
        try forward([view], network)[0]
    }

    /// One view → its embeddings by a network without gradient.
    public func forward(_ view: Tensor, shuffled: Bool = false, target network: some Layer) throws -> Tensor {
        try withoutGradient {
            try forward([view], shuffled: shuffled) { [try network.forward($0, mode: $1)] }[0][0]
        }
    }
}
