import Torch

/// A part of a model: what it computes, and the tensors that it owns under torchvision's names.
///
/// A layer with parts of its own lists them in `children`; names are then joined with dots (`layer1.0.conv1.weight`), in
/// the order of PyTorch's `state_dict`.
public protocol Layer: AnyObject, Sendable {
    /// The layer's output for `input`; throws `TorchError` or `ContrastiveError`.
    func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor

    /// The parameters that this layer itself holds, children left out.
    var ownParameters: [Parameter] { get }
    /// The buffers (state that no gradient changes) that this layer itself holds, children left out.
    var ownBuffers: [NamedTensor] { get }
    var children: [(name: String, layer: any Layer)] { get }
}

extension Layer {
    public var ownParameters: [Parameter] { [] }
    public var ownBuffers: [NamedTensor] { [] }
    public var children: [(name: String, layer: any Layer)] { [] }

    /// All parameters of the layer and its parts, in PyTorch's order.
    public var parameters: [Parameter] {
        ownParameters + children.flatMap { child in child.layer.parameters.map { $0.prefixed(child.name) } }
    }

    /// All buffers of the layer and its parts, in PyTorch's order.
    public var buffers: [NamedTensor] {
        ownBuffers + children.flatMap { child in child.layer.buffers.map { $0.prefixed(child.name) } }
    }

    /// The batch normalisations in the layer and its parts, in the order of their parameters.
    public var batchNorms: [BatchNorm] {
        if let norm = self as? BatchNorm { return [norm] }
        return children.flatMap { $0.layer.batchNorms }
    }
}

/// A tensor that training changes.
public struct Parameter: Sendable {
    /// What a parameter is, for optimisers that treat biases and normalisations apart.
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// The kernel of a convolution or the matrix of a linear layer.
        case weight
        case bias
        /// The scale or the shift of a normalisation.
        case norm
    }

    public let name: String
    public let tensor: Tensor
    public let kind: Kind

    public init(name: String, tensor: Tensor, kind: Kind) {
        self.name = name
        self.tensor = tensor
        self.kind = kind
    }

    /// The same tensor as `prefix.name`.
    public func prefixed(_ prefix: String) -> Parameter {
        Parameter(name: "\(prefix).\(name)", tensor: tensor, kind: kind)
    }
}

/// A tensor with the name under which it is stored.
public struct NamedTensor: Sendable {
    public let name: String
    public let tensor: Tensor

    public init(name: String, tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }

    /// The same tensor as `prefix.name`.
    public func prefixed(_ prefix: String) -> NamedTensor {
        NamedTensor(name: "\(prefix).\(name)", tensor: tensor)
    }
}

/// Whether normalisation uses the statistics of the batch or those kept while training.
public enum ForwardMode {
    /// Running statistics; nothing in the model changes.
    case inference
    /// Statistics of the batch; the running ones change only when a recorder commits.
    case training(TrainingContext)
}

/// What a forward pass in training reaches outside the model.
public struct TrainingContext {
    /// Sums a float64 tensor in place over all workers, so that normalisation spans the global batch; nil: this batch
    /// alone. Every worker must run the same layers in the same order, or the sums do not meet.
    public var reduceStatistics: ((Tensor) throws -> Void)?
    /// Collects the batch statistics for the running ones; nil: this pass leaves no trace there.
    public var recorder: RunningStatisticsRecorder?
    /// Computes slice by slice and takes the parameters' gradients; nil: the batch as a whole, gradients by autograd.
    public var slices: SlicedGradients?
    /// Takes the statistics of each slice by itself and adds them so that no order shows in their bits.
    public var addsStatisticsExactly: Bool

    public init(
        reduceStatistics: ((Tensor) throws -> Void)? = nil, recorder: RunningStatisticsRecorder? = nil,
        slices: SlicedGradients? = nil, addsStatisticsExactly: Bool = false
    ) {
        self.reduceStatistics = reduceStatistics
        self.recorder = recorder
        self.slices = slices
        self.addsStatisticsExactly = addsStatisticsExactly
    }
}

extension ForwardMode {
    /// The slices of a training pass, where it has any.
    var slices: SlicedGradients? {
        if case .training(let context) = self { context.slices } else { nil }
    }
}
