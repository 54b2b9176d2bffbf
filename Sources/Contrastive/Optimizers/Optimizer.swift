import Torch

/// Changes parameters by their gradients, in place. A parameter without a gradient is left as it is.
public protocol Optimizer: AnyObject {
    var parameters: [Parameter] { get }

    /// One step with the gradients that the parameters have now; the gradients are not changed.
    ///
    /// - Parameter rates: the learning rate of a parameter; nil leaves it and its state as they are.
    func step(rates: (Parameter) -> Double?) throws

    /// What the next step depends on besides parameters and gradients, for checkpoints: the optimiser's own tensors,
    /// named `momentum.<parameter>` and the like, the same at any number of workers.
    var state: [NamedTensor] { get }
}

extension Optimizer {
    /// One step with the same learning rate for all parameters.
    public func step(learningRate: Double) throws { try step { _ in learningRate } }

    /// Takes up `state` as another optimiser of the same kind and the same parameters gave it; throws
    /// `ContrastiveError` before anything is changed when a name or a shape does not fit.
    public func restore(_ saved: [NamedTensor]) throws {
        try copy(saved, into: state, of: "optimiser state")
    }
}

/// A tensor of zeros for each parameter, with its shape and memory layout.
func zeros(like parameters: [Parameter]) throws -> [Tensor] {
    try withoutGradient {
        try parameters.map { parameter in
            let tensor = try parameter.tensor.detached().cloned()
            try tensor.zeroInPlace()
            return tensor
        }
    }
}

/// `tensors` as `prefix.<parameter's name>`.
func named(_ prefix: String, _ tensors: [Tensor], for parameters: [Parameter]) -> [NamedTensor] {
    zip(parameters, tensors).map { NamedTensor(name: "\(prefix).\($0.name)", tensor: $1) }
}
