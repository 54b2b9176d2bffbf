import Torch

/// An encoder and its heads under their names: `encoder`, `projector`, `predictor`, …
///
/// As a layer it gives what the heads make of the encoder's features one after the other, as far as they are a chain;
/// methods with branches call the parts themselves.
public final class Network: Layer {
    public let encoder: any Encoder
    public let heads: [(name: String, layer: any Layer)]

    /// - Throws: `ContrastiveError` where a projector takes another number of features than the encoder gives.
    public init(encoder: any Encoder, heads: [(name: String, layer: any Layer)]) throws {
        for case (let name, let head as MLPHead) in heads where name != "predictor" {
            guard head.inputs == encoder.featureDimension else {
                throw ContrastiveError(
                    .shape, in: name,
                    "it takes \(head.inputs) features, the encoder gives \(encoder.featureDimension)")
            }
        }
        self.encoder = encoder
        self.heads = heads
    }

    public var children: [(name: String, layer: any Layer)] { [("encoder", encoder)] + heads }

    /// Images [n, C, H, W] → the last head's output [n, D].
    public func forward(_ images: Tensor, mode: ForwardMode) throws -> Tensor {
        try heads.reduce(encoder.forward(images, mode: mode)) { try $1.layer.forward($0, mode: mode) }
    }

    /// The heads' parameters and buffers as `name.…`.
    public var headState: [NamedTensor] {
        heads.flatMap { head in head.layer.state.map { $0.prefixed(head.name) } }
    }

    /// Takes up what `headState` gave; all or nothing.
    public func loadHeads(_ saved: [NamedTensor]) throws { try copy(saved, into: headState, of: "heads") }
}
