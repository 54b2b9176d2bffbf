import Torch

/// A network from images to features.
public protocol Encoder: Layer {
    /// How many channels its images have.
    var inputChannels: Int { get }
    /// d, the width of its features: `forward` gives [N, d].
    var featureDimension: Int { get }

    /// The last feature map before pooling, [N, d, h, w], for dense methods and probes.
    func featureMap(_ images: Tensor, mode: ForwardMode) throws -> Tensor
}
