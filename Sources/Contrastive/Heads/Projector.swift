import Torch

/// A projection head: (linear without bias, batch normalisation, ReLU) once or more, then a linear layer without bias and
/// `outputNorm`. Its tensors are named as in `torch.nn.Sequential` (`0.weight`, `1.running_mean`, …).
///
/// SimCLR's own code normalises the last layer too, with a scale and no shift (`ProjectionHead` in `tf2/model.py` of
/// google-research/simclr: `use_bias=False, use_bn=True`); its paper's figure shows the plain linear layer, which is
/// `outputNorm: nil`. The hidden width is free; SimCLR's is the encoder's feature dimension.
///
/// Sources: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020 (2 layers);
/// Chen et al., "Big Self-Supervised Models are Strong Semi-Supervised Learners", NeurIPS 2020 (3 layers).
public final class Projector: Layer {
    public let inputs: Int
    public let outputs: Int

    private let linears: [Linear]
    /// One per linear layer; the last may be missing.
    private let norms: [BatchNorm]

    /// - Parameters:
    ///   - layers: how many linear layers, at least 1 (1: a linear head).
    ///   - outputNorm: what the normalisation after the last layer learns; nil: no normalisation there.
    public init(
        inputs: Int, hidden: Int, outputs: Int, layers: Int = 2, outputNorm: BatchNorm.Affine? = .scale,
        seed: UInt64, scalarType: ScalarType = .float32
    ) throws {
        guard inputs > 0, hidden > 0, outputs > 0, layers > 0 else {
            throw ContrastiveError(
                .value, in: "projector",
                "widths \(inputs)-\(hidden)-\(outputs) and \(layers) layers must all be at least 1")
        }
        self.inputs = inputs
        self.outputs = outputs
        var initializer = WeightInitializer(seed: seed, part: .projector, scalarType: scalarType)
        var linears: [Linear] = []
        var norms: [BatchNorm] = []
        for layer in 0..<layers {
            let isLast = layer == layers - 1
            linears.append(
                try Linear(
                    layer == 0 ? inputs : hidden, isLast ? outputs : hidden, bias: false, from: &initializer))
            if !isLast {
                norms.append(try BatchNorm(hidden, scalarType: scalarType))
            } else if let outputNorm {
                norms.append(try BatchNorm(outputs, affine: outputNorm, scalarType: scalarType))
            }
        }
        self.linears = linears
        self.norms = norms
    }

    public var children: [(name: String, layer: any Layer)] {
        var all: [(name: String, layer: any Layer)] = []
        for (layer, linear) in linears.enumerated() {
            // Linear, normalisation and ReLU take three places of the sequence.
            all.append(("\(3 * layer)", linear))
            if layer < norms.count { all.append(("\(3 * layer + 1)", norms[layer])) }
        }
        return all
    }

    /// Features [N, inputs] → projections [N, outputs], not yet normalised to unit length.
    public func forward(_ features: Tensor, mode: ForwardMode) throws -> Tensor {
        var x = features
        for (layer, linear) in linears.enumerated() {
            x = try linear.forward(x, mode: mode)
            if layer < norms.count {
                x = try norms[layer].forward(x, relu: layer < linears.count - 1, mode: mode)
            }
        }
        return x
    }
}
