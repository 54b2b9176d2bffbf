import Torch

/// A head of linear layers with normalisation and ReLU between them: projectors, predictors, expanders.
///
/// Its tensors are named as in `torch.nn.Sequential` of (linear, normalisation, ReLU), …, linear, normalisation
/// (`0.weight`, `1.running_mean`, …); a part that the form leaves out takes no place in the sequence.
///
/// Whatever a method's own code has for a head is a `Form`; those of the methods are in their files.
public final class MLPHead: Layer {
    /// What the layers are.
    public struct Form: Equatable, Sendable {
        /// Linear layers, at least 1 (1: a linear head).
        public var layers: Int
        /// Width of all layers but the last.
        public var hidden: Int
        /// Width of the last.
        public var outputs: Int
        /// What the normalisations between layers learn; nil: none there.
        public var hiddenNorm: BatchNorm.Affine? = .scaleAndShift
        public var hiddenBias = false
        /// What the normalisation after the last layer learns; nil: none there.
        public var outputNorm: BatchNorm.Affine?
        public var outputBias = false

        public init(
            layers: Int = 2, hidden: Int, outputs: Int, hiddenNorm: BatchNorm.Affine? = .scaleAndShift,
            hiddenBias: Bool = false, outputNorm: BatchNorm.Affine? = nil, outputBias: Bool = false
        ) {
            self.layers = layers
            self.hidden = hidden
            self.outputs = outputs
            self.hiddenNorm = hiddenNorm
            self.hiddenBias = hiddenBias
            self.outputNorm = outputNorm
            self.outputBias = outputBias
        }
    }

    /// Which head of a model this is: heads of one seed have weights of their own.
    public enum Role: Sendable {
        case projector, predictor, denseProjector

        var part: WeightInitializer.Part {
            switch self {
            case .projector: .projector
            case .predictor: .predictor
            case .denseProjector: .denseProjector
            }
        }
    }

    public let inputs: Int
    public let form: Form
    public var outputs: Int { form.outputs }

    private struct Stage {
        let linear: Linear
        let norm: BatchNorm?
        let hasReLU: Bool
    }

    private let stages: [Stage]

    public init(
        inputs: Int, form: Form, role: Role = .projector, seed: UInt64, scalarType: ScalarType = .float32
    ) throws {
        guard inputs > 0, form.hidden > 0, form.outputs > 0, form.layers > 0 else {
            throw ContrastiveError(
                .value, in: "\(role)",
                "widths \(inputs)-\(form.hidden)-\(form.outputs) and \(form.layers) layers must all be at least 1")
        }
        self.inputs = inputs
        self.form = form
        var initializer = WeightInitializer(seed: seed, part: role.part, scalarType: scalarType)
        stages = try (0..<form.layers).map { layer in
            let isLast = layer == form.layers - 1
            let width = isLast ? form.outputs : form.hidden
            let affine = isLast ? form.outputNorm : form.hiddenNorm
            return Stage(
                linear: try Linear(
                    layer == 0 ? inputs : form.hidden, width, bias: isLast ? form.outputBias : form.hiddenBias,
                    from: &initializer),
                norm: try affine.map { try BatchNorm(width, affine: $0, scalarType: scalarType) },
                hasReLU: !isLast)
        }
    }

    public var children: [(name: String, layer: any Layer)] {
        var all: [(name: String, layer: any Layer)] = []
        var place = 0
        for stage in stages {
            all.append(("\(place)", stage.linear))
            place += 1
            if let norm = stage.norm {
                all.append(("\(place)", norm))
                place += 1
            }
            if stage.hasReLU { place += 1 }
        }
        return all
    }

    /// [N, inputs] → [N, outputs], not normalised to unit length.
    public func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        var x = input
        for stage in stages {
            x = try stage.linear.forward(x, mode: mode)
            if let norm = stage.norm {
                x = try norm.forward(x, relu: stage.hasReLU, mode: mode)
            } else if stage.hasReLU {
                x = try x.relu()
            }
        }
        return x
    }
}
