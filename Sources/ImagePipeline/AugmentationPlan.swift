import Glibc
import Randomness

/// A rectangle of an image in pixels; edges may lie between pixels.
public struct CropBox: Equatable, Sendable {
    public var x: Double
    public var y: Double
    public var width: Double
    public var height: Double

    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// The same rectangle on a copy of the image of another size.
    func scaled(from full: ImageSize, to size: ImageSize) -> CropBox {
        guard full != size else { return self }
        let horizontal = Double(size.width) / Double(full.width)
        let vertical = Double(size.height) / Double(full.height)
        return CropBox(x: x * horizontal, y: y * vertical, width: width * horizontal, height: height * vertical)
    }
}

public enum ColorOperation: UInt8, Sendable, CaseIterable {
    case brightness, contrast, saturation, hue
}

/// Factors of one colour jitter and the order of its four operations.
public struct ColorJitter: Equatable, Sendable {
    public var brightness: Float
    public var contrast: Float
    public var saturation: Float
    public var hue: Float
    /// Which of the 24 orders; 0 is brightness, contrast, saturation, hue.
    public var order: Int

    public init(brightness: Float, contrast: Float, saturation: Float, hue: Float, order: Int) {
        precondition((0..<24).contains(order), "there are 24 orders")
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.order = order
    }

    /// The operations in their order.
    public var operations: [ColorOperation] { (0..<4).map { operation(at: $0) } }

    func operation(at step: Int) -> ColorOperation {
        Self.orders[4 * order + step]
    }

    /// The 24 permutations of the operations in lexicographic order, one after the other.
    private static let orders: [ColorOperation] = {
        let all = ColorOperation.allCases
        var result: [ColorOperation] = []
        for first in all {
            for second in all where second != first {
                for third in all where third != first && third != second {
                    result += [first, second, third] + all.filter { ![first, second, third].contains($0) }
                }
            }
        }
        return result
    }()
}

/// Everything random about one view, drawn before a pixel is touched.
public struct AugmentationPlan: Equatable, Sendable {
    /// In pixels of the full image: whole numbers.
    public var crop: CropBox
    public var isFlipped: Bool
    public var jitter: ColorJitter?
    public var isGray: Bool
    public var blurSigma: Double?
    public var isSolarized: Bool

    public init(
        crop: CropBox, isFlipped: Bool, jitter: ColorJitter?, isGray: Bool, blurSigma: Double?, isSolarized: Bool
    ) {
        self.crop = crop
        self.isFlipped = isFlipped
        self.jitter = jitter
        self.isGray = isGray
        self.blurSigma = blurSigma
        self.isSolarized = isSolarized
    }

    /// How many 32-bit words of the generator a view takes, always.
    public static let drawCount = 33
}

extension Augmentation {
    private static let cropAttempts = 10

    /// Draws a view of an image of size `full`.
    ///
    /// The draws, each one uniform number in [0, 1): area and log-ratio of ten candidate crops (20), the crop's top and
    /// left (2), flip (1), whether to jitter (1), brightness, contrast, saturation, hue (4), their order (1),
    /// grayscale (1), whether to blur (1), the blur's sigma (1), whether to solarise (1).
    public func plan(for full: ImageSize, generator: inout Philox) -> AugmentationPlan {
        let crop = drawCrop(for: full, generator: &generator)
        let isFlipped = generator.uniform() < flipProbability
        let jitters = generator.uniform() < jitterProbability
        func factor(_ strength: Float) -> Float {
            let low = max(0, 1 - strength)
            return low + (1 + strength - low) * generator.uniform()
        }
        let jitter = ColorJitter(
            brightness: factor(brightness), contrast: factor(contrast), saturation: factor(saturation),
            hue: -hue + 2 * hue * generator.uniform(), order: Int(24 * generator.uniform()))
        let isGray = generator.uniform() < grayscaleProbability
        let blurs = generator.uniform() < blurProbability
        let sigma = blurSigma.lowerBound + (blurSigma.upperBound - blurSigma.lowerBound) * Double(generator.uniform())
        let isSolarized = generator.uniform() < solarizeProbability
        return AugmentationPlan(
            crop: crop, isFlipped: isFlipped, jitter: jitters ? jitter : nil, isGray: isGray,
            blurSigma: blurs ? sigma : nil, isSolarized: isSolarized)
    }

    /// The crop of torchvision's RandomResizedCrop: the first of ten candidates that fits, else the largest central
    /// crop whose ratio is allowed.
    private func drawCrop(for full: ImageSize, generator: inout Philox) -> CropBox {
        let width = Double(full.width)
        let height = Double(full.height)
        let logRatio = (log(cropRatio.lowerBound), log(cropRatio.upperBound))
        var size: (width: Double, height: Double)?
        for _ in 0..<Self.cropAttempts {
            let share =
                cropScale.lowerBound + (cropScale.upperBound - cropScale.lowerBound) * Double(generator.uniform())
            let position = Double(generator.uniform())
            guard size == nil else { continue }
            let area = width * height * share
            let ratio = exp(logRatio.0 + (logRatio.1 - logRatio.0) * position)
            let cropWidth = (area * ratio).squareRoot().rounded(.toNearestOrEven)
            let cropHeight = (area / ratio).squareRoot().rounded(.toNearestOrEven)
            if (1...width).contains(cropWidth) && (1...height).contains(cropHeight) {
                size = (cropWidth, cropHeight)
            }
        }
        let top = Double(generator.uniform())
        let left = Double(generator.uniform())
        if let size {
            return CropBox(
                x: (left * (width - size.width + 1)).rounded(.down),
                y: (top * (height - size.height + 1)).rounded(.down),
                width: size.width, height: size.height)
        }
        return centralCrop(width: width, height: height)
    }

    private func centralCrop(width: Double, height: Double) -> CropBox {
        var cropWidth = width
        var cropHeight = height
        if width / height < cropRatio.lowerBound {
            cropHeight = max(1, (width / cropRatio.lowerBound).rounded(.toNearestOrEven))
        } else if width / height > cropRatio.upperBound {
            cropWidth = max(1, (height * cropRatio.upperBound).rounded(.toNearestOrEven))
        }
        return CropBox(
            x: ((width - cropWidth) / 2).rounded(.down), y: ((height - cropHeight) / 2).rounded(.down),
            width: cropWidth, height: cropHeight)
    }
}
