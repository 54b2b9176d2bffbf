import Foundation
import ImagePipeline
import Testing

/// Against torchvision and PIL; see Golden/make_augmentation.py.
@Suite struct AugmentationGoldenTests {
    struct Values: Decodable {
        struct Image: Decodable { let width, height, channels: Int, pixels: [UInt8] }
        struct Operation: Decodable { let image, kind: String, factor: Float, out: [Float] }
        struct Blur: Decodable { let image: String, size: Int, sigma: Double, out: [Float] }
        struct Resize: Decodable { let image, mode: String, box: [Double], pil: [Float]?, out: [Float] }
        struct Solarized: Decodable { let image: String, threshold: Float, out: [Float] }
        let images: [String: Image]
        let operations: [Operation]
        let blurs: [Blur]
        let resizes: [Resize]
        let solarized: [Solarized]
        let solarizedLast: [Float]

        enum CodingKeys: String, CodingKey {
            case images, operations, blurs, resizes, solarized
            case solarizedLast = "solarized_last"
        }

        func image(_ name: String) throws -> PixelImage {
            let image = try #require(images[name])
            return PixelImage(
                width: image.width, height: image.height, channels: image.channels, pixels: image.pixels)
        }
    }

    let values: Values

    init() throws {
        values = try Golden.decode(Values.self, "augmentation.json")
    }

    /// The view of `image` under `plan`, without normalisation.
    func view(
        _ image: PixelImage, _ plan: AugmentationPlan, size: Int, resampling: Resampling = .bicubic,
        blurKernelSize: Int = 3, solarizeThreshold: Float = 0.5
    ) -> [Float] {
        var augmentation = Augmentation(outputSize: size, normalization: .none(channels: image.channels))
        augmentation.resampling = resampling
        augmentation.blurKernelSize = blurKernelSize
        augmentation.solarizeThreshold = solarizeThreshold
        var output = [Float](repeating: .nan, count: size * size * image.channels)
        augmentation.apply(plan, to: image, into: &output, workspace: AugmentationWorkspace())
        return output
    }

    /// A plan that changes nothing.
    func neutral(_ image: PixelImage) -> AugmentationPlan {
        AugmentationPlan(
            crop: CropBox(x: 0, y: 0, width: Double(image.width), height: Double(image.height)), isFlipped: false,
            jitter: nil, isGray: false, blurSigma: nil, isSolarized: false)
    }

    func distance(_ first: [Float], _ second: [Float]) -> Float {
        guard first.count == second.count else { return .infinity }
        return zip(first, second).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test func neutralPlanReproducesTheImage() throws {
        for name in ["color", "gray"] {
            let image = try values.image(name)
            #expect(distance(view(image, neutral(image), size: 14), image.pixels.map { Float($0) / 255 }) < 1e-6)
        }
    }

    @Test func colorOperationsEqualTorchvision() throws {
        for operation in values.operations where operation.kind != "chain" {
            let image = try values.image(operation.image)
            var plan = neutral(image)
            var jitter = ColorJitter(brightness: 1, contrast: 1, saturation: 1, hue: 0, order: 0)
            switch operation.kind {
            case "brightness": jitter.brightness = operation.factor
            case "contrast": jitter.contrast = operation.factor
            case "saturation": jitter.saturation = operation.factor
            case "hue": jitter.hue = operation.factor
            default: plan.isGray = true
            }
            if !plan.isGray { plan.jitter = jitter }
            let error = distance(view(image, plan, size: 14), operation.out)
            #expect(error < 4e-6, "\(operation.kind) \(operation.factor) on \(operation.image): off by \(error)")
        }
    }

    @Test func operationsAreClippedOneByOneInTheGivenOrder() throws {
        let golden = try #require(values.operations.first { $0.kind == "chain" })
        let image = try values.image(golden.image)
        var plan = neutral(image)
        for order in 0..<24 {
            let jitter = ColorJitter(brightness: 1.6, contrast: 1.8, saturation: 1.7, hue: 0.15, order: order)
            plan.jitter = jitter
            let error = distance(view(image, plan, size: 14), golden.out)
            if jitter.operations == [.saturation, .contrast, .hue, .brightness] {
                #expect(error < 4e-6)
            } else if jitter.operations.last != .brightness {
                #expect(error > 0.01, "another order gives another view: \(jitter.operations)")
            }
        }
    }

    @Test func blurEqualsTorchvision() throws {
        for blur in values.blurs {
            let image = try values.image(blur.image)
            var plan = neutral(image)
            plan.blurSigma = blur.sigma
            let error = distance(view(image, plan, size: 14, blurKernelSize: blur.size), blur.out)
            #expect(error < 2e-6, "\(blur.size) taps, sigma \(blur.sigma) on \(blur.image): off by \(error)")
        }
    }

    @Test func solarisationEqualsTorchvision() throws {
        for golden in values.solarized {
            let image = try values.image(golden.image)
            var plan = neutral(image)
            plan.isSolarized = true
            let error = distance(view(image, plan, size: 14, solarizeThreshold: golden.threshold), golden.out)
            #expect(error < 2e-6, "from \(golden.threshold) on \(golden.image): off by \(error)")
        }
    }

    @Test func solarisationComesAfterColourGrayAndBlur() throws {
        let image = try values.image("color")
        var plan = neutral(image)
        plan.jitter = ColorJitter(brightness: 1.6, contrast: 1, saturation: 1, hue: 0, order: 0)
        plan.isGray = true
        plan.blurSigma = 1.3
        plan.isSolarized = true
        #expect(distance(view(image, plan, size: 14, blurKernelSize: 5), values.solarizedLast) < 4e-6)
    }

    @Test func cropAndResizeEqualTorchvisionAndPIL() throws {
        for resize in values.resizes {
            let image = try values.image(resize.image)
            var plan = neutral(image)
            plan.crop = CropBox(x: resize.box[0], y: resize.box[1], width: resize.box[2], height: resize.box[3])
            let mode = try #require(Resampling(rawValue: resize.mode))
            let ours = view(image, plan, size: 8, resampling: mode)
            let exact = distance(ours, resize.out)
            #expect(exact < 4e-6, "\(mode) of \(resize.box) in \(resize.image): off torchvision by \(exact)")
            // PIL rounds to 8 bits after each of its two passes.
            guard let pil = resize.pil else { continue }
            let rounded = distance(ours, pil.map { $0 / 255 }) * 255
            #expect(rounded < 1.3, "\(mode) of \(resize.box) in \(resize.image): off PIL by \(rounded)/255")
        }
    }

    @Test func flipMirrorsTheCrop() throws {
        for name in ["large", "soft_gray"] {
            let image = try values.image(name)
            var plan = neutral(image)
            plan.crop = CropBox(x: 3, y: 2, width: 25, height: 20)
            let plain = view(image, plan, size: 10)
            plan.isFlipped = true
            let flipped = view(image, plan, size: 10)
            for y in 0..<10 {
                for x in 0..<10 {
                    for c in 0..<image.channels {
                        #expect(
                            plain[(y * 10 + x) * image.channels + c] == flipped[(y * 10 + 9 - x) * image.channels + c])
                    }
                }
            }
        }
    }

    @Test func normalizationSubtractsMeanAndDividesByDeviation() throws {
        let image = try values.image("color")
        let normalization = Normalization(mean: [0.5, 0.25, 0.1], std: [0.2, 0.5, 2])
        let augmentation = Augmentation(outputSize: 14, normalization: normalization)
        var output = [Float](repeating: 0, count: 14 * 14 * 3)
        augmentation.apply(neutral(image), to: image, into: &output, workspace: AugmentationWorkspace())
        for (index, value) in output.enumerated() {
            let expected =
                (Float(image.pixels[index]) / 255 - normalization.mean[index % 3]) / normalization.std[index % 3]
            #expect(abs(value - expected) < 1e-5)
        }
    }
}
