import Torch

/// A block whose last normalisation is added to its shortcut.
protocol ResidualBlock: Layer {
    var lastNorm: BatchNorm { get }
}

/// Two 3×3 convolutions and a shortcut (ResNet-18 and -34).
final class BasicBlock: ResidualBlock {
    private let conv1, conv2: Conv2d
    private let bn1, bn2: BatchNorm
    private let shortcut: Shortcut?

    init(_ inputs: Int, _ planes: Int, stride: Int, from initializer: inout WeightInitializer) throws {
        let type = initializer.scalarType
        conv1 = try Conv2d(inputs, planes, kernel: 3, stride: stride, padding: 1, from: &initializer)
        bn1 = try BatchNorm(planes, scalarType: type)
        conv2 = try Conv2d(planes, planes, kernel: 3, padding: 1, from: &initializer)
        bn2 = try BatchNorm(planes, scalarType: type)
        shortcut = try Shortcut.needed(inputs, planes, stride: stride, from: &initializer)
    }

    var lastNorm: BatchNorm { bn2 }

    var children: [(name: String, layer: any Layer)] {
        [("conv1", conv1), ("bn1", bn1), ("conv2", conv2), ("bn2", bn2)]
            + (shortcut.map { [("downsample", $0)] } ?? [])
    }

    func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        var x = try conv1.forward(input, mode: mode)
        x = try bn1.forward(x, relu: true, mode: mode)
        x = try conv2.forward(x, mode: mode)
        return try bn2.forward(x, residual: shortcut?.forward(input, mode: mode) ?? input, relu: true, mode: mode)
    }
}

/// 1×1, 3×3 and 1×1 convolutions and a shortcut, four times as wide at the end (ResNet-50 and -101).
final class Bottleneck: ResidualBlock {
    private let conv1, conv2, conv3: Conv2d
    private let bn1, bn2, bn3: BatchNorm
    private let shortcut: Shortcut?

    init(_ inputs: Int, _ planes: Int, stride: Int, from initializer: inout WeightInitializer) throws {
        let type = initializer.scalarType
        conv1 = try Conv2d(inputs, planes, kernel: 1, from: &initializer)
        bn1 = try BatchNorm(planes, scalarType: type)
        conv2 = try Conv2d(planes, planes, kernel: 3, stride: stride, padding: 1, from: &initializer)
        bn2 = try BatchNorm(planes, scalarType: type)
        conv3 = try Conv2d(planes, 4 * planes, kernel: 1, from: &initializer)
        bn3 = try BatchNorm(4 * planes, scalarType: type)
        shortcut = try Shortcut.needed(inputs, 4 * planes, stride: stride, from: &initializer)
    }

    var lastNorm: BatchNorm { bn3 }

    var children: [(name: String, layer: any Layer)] {
        [("conv1", conv1), ("bn1", bn1), ("conv2", conv2), ("bn2", bn2), ("conv3", conv3), ("bn3", bn3)]
            + (shortcut.map { [("downsample", $0)] } ?? [])
    }

    func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        var x = try conv1.forward(input, mode: mode)
        x = try bn1.forward(x, relu: true, mode: mode)
        x = try conv2.forward(x, mode: mode)
        x = try bn2.forward(x, relu: true, mode: mode)
        x = try conv3.forward(x, mode: mode)
        return try bn3.forward(x, residual: shortcut?.forward(input, mode: mode) ?? input, relu: true, mode: mode)
    }
}

/// The projection on a shortcut whose shape changes: a 1×1 convolution and its normalisation (torchvision: `downsample`).
final class Shortcut: Layer {
    private let conv: Conv2d
    private let norm: BatchNorm

    private init(_ inputs: Int, _ outputs: Int, stride: Int, from initializer: inout WeightInitializer) throws {
        conv = try Conv2d(inputs, outputs, kernel: 1, stride: stride, from: &initializer)
        norm = try BatchNorm(outputs, scalarType: initializer.scalarType)
    }

    /// A shortcut where the block changes the shape; nil where the input can be added as it is.
    static func needed(
        _ inputs: Int, _ outputs: Int, stride: Int, from initializer: inout WeightInitializer
    ) throws -> Shortcut? {
        guard stride != 1 || inputs != outputs else { return nil }
        return try Shortcut(inputs, outputs, stride: stride, from: &initializer)
    }

    var children: [(name: String, layer: any Layer)] { [("0", conv), ("1", norm)] }

    func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        try norm.forward(conv.forward(input, mode: mode), mode: mode)
    }
}
