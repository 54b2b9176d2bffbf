import Torch

/// ResNet-18, -34, -50 and -101 without the classifier, with torchvision's layout and parameter names.
///
/// Bottlenecks have their stride on the 3×3 convolution (torchvision's "v1.5"). A `width` multiplies every channel count
/// (rounded to whole numbers of at least 1; the bottleneck's expansion by four comes after rounding).
///
/// Sources: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; the CIFAR form is SimCLR's (appendix
/// B.9): a 3×3 convolution with stride 1 and no max-pooling at the start.
public final class ResNet: Encoder {
    public enum Depth: Int, Sendable, CaseIterable {
        case resNet18 = 18
        case resNet34 = 34
        case resNet50 = 50
        case resNet101 = 101

        /// Blocks in each of the four stages.
        var blocks: [Int] {
            switch self {
            case .resNet18: [2, 2, 2, 2]
            case .resNet34, .resNet50: [3, 4, 6, 3]
            case .resNet101: [3, 4, 23, 3]
            }
        }

        var hasBottlenecks: Bool { self == .resNet50 || self == .resNet101 }

        /// Output channels of a block per unit of its stage's width.
        var expansion: Int { hasBottlenecks ? 4 : 1 }
    }

    /// How the network begins.
    public enum Form: String, Sendable, CaseIterable {
        /// A 7×7 convolution with stride 2, then 3×3 max-pooling with stride 2.
        case imageNet = "imagenet"
        /// A 3×3 convolution with stride 1, no pooling.
        case cifar
    }

    public let depth: Depth
    public let form: Form
    public let inputChannels: Int
    public let featureDimension: Int

    private let conv1: Conv2d
    private let bn1: BatchNorm
    /// Blocks by stage.
    private let stages: [[any ResidualBlock]]

    /// A network with weights drawn from `seed`; throws `ContrastiveError` for a width or channel count that is not
    /// positive.
    ///
    /// - Parameter zeroInitResidual: whether each block begins as its shortcut alone: the scale of its last normalisation is
    ///   0 (Goyal et al., "Accurate, Large Minibatch SGD", 2017; torchvision's `zero_init_residual`).
    public init(
        depth: Depth, form: Form = .imageNet, width: Double = 1, inputChannels: Int = 3, zeroInitResidual: Bool = false,
        seed: UInt64, scalarType: ScalarType = .float32
    ) throws {
        guard width > 0, width.isFinite, width <= 64 else {
            throw ContrastiveError(.value, in: "ResNet", "width is \(width), it must be above 0 and at most 64")
        }
        guard inputChannels > 0 else {
            throw ContrastiveError(.value, in: "ResNet", "an image has \(inputChannels) channels, it needs at least 1")
        }
        self.depth = depth
        self.form = form
        self.inputChannels = inputChannels
        var initializer = WeightInitializer(seed: seed, part: .encoder, scalarType: scalarType)
        let stageWidths = [64, 128, 256, 512].map { max(1, Int((Double($0) * width).rounded())) }
        var channels = stageWidths[0]
        switch form {
        case .imageNet:
            conv1 = try Conv2d(inputChannels, channels, kernel: 7, stride: 2, padding: 3, from: &initializer)
        case .cifar:
            conv1 = try Conv2d(inputChannels, channels, kernel: 3, stride: 1, padding: 1, from: &initializer)
        }
        bn1 = try BatchNorm(channels, scalarType: scalarType)
        var stages: [[any ResidualBlock]] = []
        for (stage, planes) in stageWidths.enumerated() {
            var blocks: [any ResidualBlock] = []
            for block in 0..<depth.blocks[stage] {
                let stride = block == 0 && stage > 0 ? 2 : 1
                blocks.append(
                    depth.hasBottlenecks
                        ? try Bottleneck(channels, planes, stride: stride, from: &initializer)
                        : try BasicBlock(channels, planes, stride: stride, from: &initializer))
                channels = planes * depth.expansion
            }
            stages.append(blocks)
        }
        if zeroInitResidual {
            try withoutGradient { for block in stages.joined() { try block.lastNorm.weight?.zeroInPlace() } }
        }
        self.stages = stages
        featureDimension = channels
    }

    public var children: [(name: String, layer: any Layer)] {
        var all: [(name: String, layer: any Layer)] = [("conv1", conv1), ("bn1", bn1)]
        for (stage, blocks) in stages.enumerated() {
            for (block, layer) in blocks.enumerated() { all.append(("layer\(stage + 1).\(block)", layer)) }
        }
        return all
    }

    /// Images [N, C, H, W] → features [N, d], the mean over the last feature map.
    public func forward(_ images: Tensor, mode: ForwardMode) throws -> Tensor {
        try featureMap(images, mode: mode).globalAveragePool()
    }

    /// Images [N, C, H, W] → the last feature map [N, d, h, w].
    public func featureMap(_ images: Tensor, mode: ForwardMode) throws -> Tensor {
        guard images.dimensions == 4, images.shape[1] == inputChannels else {
            throw ContrastiveError(
                .shape, in: "ResNet-\(depth.rawValue)",
                "images have shape \(images.shape), expected [N, \(inputChannels), H, W]")
        }
        var x = try conv1.forward(images.channelsLast(), mode: mode)
        x = try bn1.forward(x, relu: true, mode: mode)
        if form == .imageNet { x = try x.maxPool2d(kernel: 3, stride: 2, padding: 1) }
        for block in stages.joined() { x = try block.forward(x, mode: mode) }
        return x
    }
}
