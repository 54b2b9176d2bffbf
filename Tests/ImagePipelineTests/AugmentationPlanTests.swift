import ImagePipeline
import Randomness
import Testing

@Suite struct AugmentationPlanTests {
    let augmentation = Augmentation(outputSize: 32, normalization: .cifar10)

    func plans(_ count: Int, seed: UInt64, _ augmentation: Augmentation? = nil, size: ImageSize) -> [AugmentationPlan] {
        (0..<count).map { index in
            var generator = Philox(seed: seed, path: [0, UInt64(index), 0])
            return (augmentation ?? self.augmentation).plan(for: size, generator: &generator)
        }
    }

    @Test(arguments: [ImageSize(width: 32, height: 32), .init(width: 500, height: 375), .init(width: 9, height: 2000)])
    func everyPlanTakesTheSameNumberOfDraws(size: ImageSize) {
        for seed: UInt64 in 1...50 {
            var generator = Philox(seed: seed, path: [7])
            var reference = generator
            _ = augmentation.plan(for: size, generator: &generator)
            for _ in 0..<AugmentationPlan.drawCount { _ = reference.nextWord() }
            #expect(generator.nextWord() == reference.nextWord())
        }
    }

    @Test(arguments: [UInt64(11), 12])
    func cropsLieInsideAndFollowScaleAndRatio(seed: UInt64) {
        let size = ImageSize(width: 500, height: 375)
        let area = Double(size.width * size.height)
        let crops = plans(4000, seed: seed, size: size).map(\.crop)
        for crop in crops {
            #expect(crop.x >= 0 && crop.y >= 0 && crop.width >= 1 && crop.height >= 1)
            #expect(crop.x + crop.width <= 500 && crop.y + crop.height <= 375)
            #expect([crop.x, crop.y, crop.width, crop.height].allSatisfy { $0 == $0.rounded() })
            // Rounding to whole pixels moves both a little.
            #expect((0.078...1.0).contains(crop.width * crop.height / area))
            #expect((0.74...1.35).contains(crop.width / crop.height))
        }
        let shares = crops.map { $0.width * $0.height / area }
        // 40,000 crops of torchvision's RandomResizedCrop have a mean share of 0.434 with a deviation of 0.217; 58 % of
        // them are wider than high, because high ones of a wide image often do not fit and are drawn again.
        let mean = shares.reduce(0, +) / Double(shares.count)
        #expect(abs(mean - 0.434) < 0.014, "seed \(seed): mean share \(mean)")
        let wide = Double(crops.count { $0.width > $0.height }) / Double(crops.count)
        #expect(abs(wide - 0.581) < 0.03, "seed \(seed): \(wide) of the crops are wide")
        // Small crops always fit, so they are as often wide as high.
        let small = crops.filter { $0.width * $0.height / area < 0.4 }
        let smallAndWide = Double(small.count { $0.width > $0.height }) / Double(small.count)
        #expect(abs(smallAndWide - 0.5) < 0.06, "seed \(seed): \(smallAndWide) of the small crops are wide")
    }

    @Test func anImageOfExtremeShapeFallsBackToACentralCrop() {
        let size = ImageSize(width: 10, height: 1000)
        let crops = plans(20, seed: 3, Augmentation(outputSize: 8, normalization: .cifar10), size: size).map(\.crop)
        let central = crops.filter { $0.width == 10 }
        #expect(central.allSatisfy { $0 == CropBox(x: 0, y: 493, width: 10, height: 13) })
        #expect(!central.isEmpty)
    }

    @Test(arguments: [UInt64(21)])
    func probabilitiesAndRangesAreThoseAsked(seed: UInt64) {
        let drawn = plans(4000, seed: seed, size: ImageSize(width: 32, height: 32))
        func share(_ condition: (AugmentationPlan) -> Bool) -> Double { Double(drawn.count { condition($0) }) / 4000 }
        #expect(abs(share(\.isFlipped) - 0.5) < 0.03)
        #expect(abs(share { $0.jitter != nil } - 0.8) < 0.03)
        #expect(abs(share(\.isGray) - 0.2) < 0.03)
        #expect(abs(share { $0.blurSigma != nil } - 0.5) < 0.03)
        #expect(!drawn.contains { $0.isSolarized })
        #expect(drawn.compactMap(\.blurSigma).allSatisfy { (0.1...2).contains($0) })
        let jitters = drawn.compactMap(\.jitter)
        for jitter in jitters {
            for factor in [jitter.brightness, jitter.contrast, jitter.saturation] {
                #expect((0.2...1.8).contains(factor))
            }
            #expect((-0.2...0.2).contains(jitter.hue))
        }
        #expect(jitters.contains { $0.brightness < 0.4 } && jitters.contains { $0.brightness > 1.6 })
        #expect(jitters.contains { $0.hue < -0.15 } && jitters.contains { $0.hue > 0.15 })
    }

    @Test func solarisationChangesNoOtherDraw() {
        var solarizing = augmentation
        solarizing.solarizeProbability = 0.2
        let size = ImageSize(width: 32, height: 32)
        let plain = plans(4000, seed: 22, size: size)
        var drawn = plans(4000, seed: 22, solarizing, size: size)
        #expect(abs(Double(drawn.count { $0.isSolarized }) / 4000 - 0.2) < 0.03)
        for index in drawn.indices { drawn[index].isSolarized = false }
        #expect(drawn == plain)
    }

    @Test func jitterOrderVariesOverAllPermutations() {
        let jitters = plans(4000, seed: 31, size: ImageSize(width: 32, height: 32)).compactMap(\.jitter)
        let counts = Dictionary(grouping: jitters, by: \.operations).mapValues(\.count)
        #expect(counts.count == 24)
        #expect(counts.keys.allSatisfy { Set($0).count == 4 })
        let mean = Double(jitters.count) / 24
        #expect(counts.values.allSatisfy { abs(Double($0) - mean) < 0.5 * mean })
    }

    @Test func strengthScalesTheJitterOnly() {
        let half = Augmentation(outputSize: 32, normalization: .cifar10, strength: 0.5)
        #expect(half.brightness == 0.4 && half.contrast == 0.4 && half.saturation == 0.4 && half.hue == 0.1)
        #expect(half.jitterProbability == augmentation.jitterProbability)
    }

    @Test func kernelIsAnOddTenthOfTheImage() {
        #expect(Augmentation.blurKernelSize(for: 224) == 23)
        #expect(Augmentation.blurKernelSize(for: 96) == 9)
        #expect(Augmentation.blurKernelSize(for: 32) == 3)
        #expect(Augmentation.blurKernelSize(for: 28) == 3)
    }

    @Test func colorlessImagesIgnoreSaturationHueAndGray() {
        let pixels = (0..<144).map { UInt8($0) }
        let image = PixelImage(width: 12, height: 12, channels: 1, pixels: pixels)
        let gray = Augmentation(outputSize: 12, normalization: .none(channels: 1))
        let whole = CropBox(x: 0, y: 0, width: 12, height: 12)
        let jitter = ColorJitter(brightness: 1, contrast: 1, saturation: 0, hue: 0.4, order: 5)
        let plan = AugmentationPlan(
            crop: whole, isFlipped: false, jitter: jitter, isGray: true, blurSigma: nil, isSolarized: false)
        var output = [Float](repeating: 0, count: 144)
        gray.apply(plan, to: image, into: &output, workspace: AugmentationWorkspace())
        for index in 0..<144 { #expect(abs(output[index] - Float(pixels[index]) / 255) < 1e-6) }
    }

    @Test func parametersOutOfRangeAreNamed() {
        func parameter(_ change: (inout Augmentation) -> Void) -> String? {
            var changed = augmentation
            change(&changed)
            do { try changed.validate() } catch { return (error as? AugmentationError)?.parameter }
            return nil
        }
        #expect(parameter { _ in } == nil)
        #expect(parameter { $0.outputSize = 0 } == "outputSize")
        #expect(parameter { $0.cropScale = 0...1 } == "cropScale")
        #expect(parameter { $0.cropRatio = -1...2 } == "cropRatio")
        #expect(parameter { $0.flipProbability = 1.5 } == "flipProbability")
        #expect(parameter { $0.hue = 0.7 } == "hue")
        #expect(parameter { $0.brightness = .nan } == "brightness")
        #expect(parameter { $0.blurSigma = 0...1 } == "blurSigma")
        #expect(parameter { $0.blurKernelSize = 4 } == "blurKernelSize")
        #expect(parameter { $0.blurKernelSize = 65 } == "blurKernelSize")
        #expect(parameter { $0.solarizeProbability = -0.1 } == "solarizeProbability")
        #expect(parameter { $0.solarizeThreshold = 128 } == "solarizeThreshold")
        #expect(parameter { $0.normalization.std = [0, 1, 1] } == "normalization")
    }

    @Test func viewsStayFiniteWhereverTheCropIs() {
        let image = PixelImage(
            width: 31, height: 7, channels: 3, pixels: (0..<31 * 7 * 3).map { UInt8(truncatingIfNeeded: $0 * 37) })
        let workspace = AugmentationWorkspace()
        for size in [1, 2, 5, 13, 40] {
            var small = Augmentation(outputSize: size, normalization: .none(channels: 3))
            small.blurKernelSize = size < 2 ? 1 : 3
            for seed: UInt64 in 0..<40 {
                var output = [Float](repeating: .nan, count: size * size * 3)
                var generator = Philox(seed: seed, path: [])
                small.apply(image, generator: &generator, into: &output, workspace: workspace)
                #expect(output.allSatisfy { $0 >= -1e-6 && $0 <= 1.000001 }, "size \(size), seed \(seed)")
            }
        }
    }
}
