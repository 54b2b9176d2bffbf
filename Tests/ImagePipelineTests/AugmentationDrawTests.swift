import ImagePipeline
import Randomness
import Testing

/// Against a second writing of generator and draws; see Golden/draws.py.
@Suite struct AugmentationDrawTests {
    struct Values: Decodable {
        struct Plan: Decodable {
            let seed: UInt64, path: [UInt64], width, height: Int, scale: [Double], crop: [Double], flipped: Bool
            let jitter: [Float]?, order: Int, gray: Bool, sigma: Double?, solarized: Bool
        }
        let plans: [Plan]
    }

    @Test func aPathGivesTheViewThatItAlwaysGave() throws {
        let plans = try Golden.decode(Values.self, "augmentation.json").plans
        #expect(plans.contains { $0.solarized } && plans.contains { !$0.solarized })
        for golden in plans {
            var augmentation = Augmentation(outputSize: 32, normalization: .imageNet)
            augmentation.cropScale = golden.scale[0]...golden.scale[1]
            augmentation.solarizeProbability = 0.2
            var generator = Philox(seed: golden.seed, path: golden.path)
            let plan = augmentation.plan(
                for: ImageSize(width: golden.width, height: golden.height), generator: &generator)
            let crop = [plan.crop.x, plan.crop.y, plan.crop.width, plan.crop.height]
            #expect(crop == golden.crop, "seed \(golden.seed), path \(golden.path)")
            #expect(plan.isFlipped == golden.flipped && plan.isGray == golden.gray)
            #expect(plan.isSolarized == golden.solarized)
            #expect((plan.jitter == nil) == (golden.jitter == nil))
            if let jitter = plan.jitter, let expected = golden.jitter {
                let factors = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
                #expect(zip(factors, expected).allSatisfy { abs($0 - $1) < 1e-6 } && jitter.order == golden.order)
            }
            #expect((plan.blurSigma == nil) == (golden.sigma == nil))
            #expect(abs((plan.blurSigma ?? 0) - (golden.sigma ?? 0)) < 1e-9)
        }
    }
}
