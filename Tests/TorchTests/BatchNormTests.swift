import Foundation
import Testing
import Torch

@Suite struct BatchNormTests {
    /// Every combination of what the fused operation can do, over few and many channels.
    struct Variant: CustomStringConvertible, CaseIterable, Sendable {
        let shape: [Int]
        let weight: Bool
        let bias: Bool
        let residual: Bool
        let relu: Bool

        static var allCases: [Variant] {
            [[4, 3, 2, 3], [5, 7]].flatMap { shape in
                (0..<16).map {
                    Variant(
                        shape: shape, weight: $0 & 1 != 0, bias: $0 & 2 != 0, residual: $0 & 4 != 0,
                        relu: $0 & 8 != 0)
                }
            }
        }

        var description: String {
            "\(shape)" + (weight ? " weight" : "") + (bias ? " bias" : "") + (residual ? " residual" : "")
                + (relu ? " relu" : "")
        }
    }

    /// The same in single operations of libtorch.
    static func reference(
        _ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double, residual: Tensor?, relu: Bool
    ) throws -> Tensor {
        let dims = x.dimensions == 4 ? [0, 2, 3] : [0]
        let vector = x.dimensions == 4 ? [1, -1, 1, 1] : [1, -1]
        let centred = try x - x.mean(dims: dims, keepDimensions: true)
        var y = try centred / (centred.square().mean(dims: dims, keepDimensions: true) + epsilon).sqrt()
        if let weight { y = try y * weight.reshape(vector) }
        if let bias { y = try y + bias.reshape(vector) }
        if let residual { y = try y + residual }
        return relu ? try y.relu() : y
    }

    @Test(arguments: Variant.allCases)
    func gradientsAreThoseOfCentralDifferences(_ variant: Variant) throws {
        let channels = variant.shape[1]
        let x = try scattered(variant.shape, seed: 1)
        let weight = variant.weight ? try scattered([channels], seed: 2) : nil
        let bias = variant.bias ? try scattered([channels], seed: 3) : nil
        let residual = variant.residual ? try scattered(variant.shape, seed: 4) : nil
        let upstream = try scattered(variant.shape, seed: 5)
        try expectGradients(of: [x, weight, bias, residual].compactMap { $0 }, "\(variant)") {
            let normalised = try x.batchNormTraining(
                weight: weight, bias: bias, epsilon: 1e-5, residual: residual, relu: variant.relu)
            return try (normalised.output * upstream).sum()
        }
    }

    @Test(arguments: Variant.allCases)
    func outputIsThatOfSingleOperations(_ variant: Variant) throws {
        let channels = variant.shape[1]
        let x = try scattered(variant.shape, seed: 6)
        let weight = variant.weight ? try scattered([channels], seed: 7) : nil
        let bias = variant.bias ? try scattered([channels], seed: 8) : nil
        let residual = variant.residual ? try scattered(variant.shape, seed: 9) : nil
        let fused = try x.batchNormTraining(
            weight: weight, bias: bias, epsilon: 1e-3, residual: residual, relu: variant.relu)
        let expected = try Self.reference(
            x, weight: weight, bias: bias, epsilon: 1e-3, residual: residual, relu: variant.relu)
        #expect(try distance(fused.output, expected) < 1e-12)
        #expect(fused.count == Double(x.count / channels))
        let dims = x.dimensions == 4 ? [0, 2, 3] : [0]
        let mean = try x.mean(dims: dims)
        #expect(try distance(fused.mean, mean) < 1e-14)
        #expect(try distance(fused.variance, x.square().mean(dims: dims) - mean.square()) < 1e-13)
    }

    /// Channels below, at and above a vector's width, and more rows than one block holds.
    @Test(arguments: [
        [1000, 3], [37, 16], [5, 2049], [1, 7], [600, 65], [3000, 48], [2, 33, 5, 7], [4, 64, 32, 32], [3, 1, 4, 4],
        [2, 512, 1, 1],
    ])
    func anyShapeIsThatOfSingleOperationsInBothTypes(shape: [Int]) throws {
        let channels = shape[1]
        let x = try scattered(shape, seed: 1) + 0.5
        let leaves = try [x, scattered([channels], seed: 2), scattered([channels], seed: 3), scattered(shape, seed: 4)]
        let upstream = try scattered(shape, seed: 5)

        func gradients(
            _ type: ScalarType, _ function: ([Tensor]) throws -> Tensor
        ) throws -> (output: Tensor, gradients: [Tensor]) {
            let own = try leaves.map { try $0.converted(to: type).detached().cloned() }
            for leaf in own { try leaf.setRequiresGradient(true) }
            let output = try function(own)
            try output.backward(upstream.converted(to: type))
            return (try output.detached(), own.compactMap { $0.gradient })
        }

        // ε is large, so that float32 is not asked to divide by the deviation of equal values.
        let expected = try gradients(.float64) {
            try Self.reference($0[0], weight: $0[1], bias: $0[2], epsilon: 0.1, residual: $0[3], relu: true)
        }
        for (type, tolerance) in [(ScalarType.float64, 1e-10), (.float32, 2e-3)] {
            let fused = try gradients(type) {
                try $0[0].batchNormTraining(
                    weight: $0[1], bias: $0[2], epsilon: 0.1, residual: $0[3], relu: true
                ).output
            }
            #expect(fused.output.scalarType == type)
            #expect(try distance(fused.output, expected.output) < tolerance / 100)
            for (index, gradient) in fused.gradients.enumerated() {
                let largest = try expected.gradients[index].abs().flattened().amax(dims: [0]).item()
                #expect(try distance(gradient, expected.gradients[index]) < tolerance * max(1, largest))
            }
        }
    }

    @Test func anyNumberOfThreadsGivesTheSameBits() throws {
        let x = try scattered([16, 24, 32, 32], seed: 1).converted(to: .float32).channelsLast()
        try x.setRequiresGradient(true)
        let before = TorchRuntime.threads
        defer { try? TorchRuntime.setThreads(before) }
        let runs = try [1, 2, 3].map { threads in
            try TorchRuntime.setThreads(threads)
            try x.setGradient(nil)
            let result = try x.batchNormTraining(residual: x.detached(), relu: true)
            try result.output.square().sum().backward()
            return [
                try result.output.copyBytes(), try result.mean.copyBytes(),
                try #require(x.gradient).copyBytes(),
            ]
        }
        #expect(runs[0] == runs[1])
        #expect(runs[0] == runs[2])
    }

    @Test(arguments: [0.0, 1, -3.7, 1e4], [ScalarType.float32, .float64])
    func equalInputsGiveTheBiasAndNoNaN(value: Double, type: ScalarType) throws {
        let x = try Tensor.full([4, 3, 2, 2], value, type)
        let bias = try Tensor([0.25, 1, 2], shape: [3]).converted(to: type)
        try x.setRequiresGradient(true)
        let result = try x.batchNormTraining(bias: bias)
        let expected = try bias.reshape([1, 3, 1, 1]).expanded(x.shape)
        #expect(try distance(result.output, expected) < (type == .float32 ? 1e-3 : 1e-6))
        #expect(try result.variance.doubles().allSatisfy { $0 >= 0 && $0 < 1e-6 })
        try result.output.backward(scattered(x.shape, seed: 1).converted(to: type))
        #expect(try #require(x.gradient).doubles().allSatisfy { $0.isFinite })
    }

    @Test func oneValuePerChannelGivesTheBiasAndNoGradient() throws {
        let x = try Tensor([5, -3] as [Float], shape: [1, 2])
        let bias = try Tensor([1, 2] as [Float], shape: [2])
        try x.setRequiresGradient(true)
        let result = try x.batchNormTraining(bias: bias)
        #expect(result.count == 1)
        #expect(try result.output.doubles() == [1, 2])
        #expect(try result.variance.doubles() == [0, 0])
        try result.output.backward(Tensor([3, 4] as [Float], shape: [1, 2]))
        #expect(try x.gradient?.doubles() == [0, 0])
    }

    @Test func aLargeMeanLeavesTheVarianceAccurate() throws {
        let noise = try scattered([4096, 2], seed: 1)
        let x = try (noise * 0.01 + 1000).converted(to: .float32)
        let result = try x.batchNormTraining()
        let exact = try x.converted(to: .float64)
        let variance = try (exact - exact.mean(dims: [0])).square().mean(dims: [0])
        #expect(try distance(result.variance / variance, Tensor.ones([2], .float64)) < 1e-4)
    }

    @Test func aNaNStaysVisibleThroughTheReLU() throws {
        let x = try Tensor([1, .nan, 3] as [Float], shape: [3, 1])
        #expect(try x.batchNormTraining(relu: true).output.floats().allSatisfy { $0.isNaN })
    }

    @Test func onlyWhatRequiresGradientGetsOne() throws {
        let x = try scattered([4, 3], seed: 1)
        let weight = try scattered([3], seed: 2)
        try weight.setRequiresGradient(true)
        let result = try x.batchNormTraining(weight: weight, relu: true)
        try result.output.sum().backward()
        #expect(weight.gradient != nil)
        #expect(x.gradient == nil)
        #expect(!result.mean.requiresGradient)
        #expect(!result.variance.requiresGradient)
        #expect(try !withoutGradient { try x.batchNormTraining(weight: weight).output }.requiresGradient)
    }

    @Test func aRetainedGraphRunsAgain() throws {
        let x = try scattered([4, 3], seed: 1)
        let residual = try scattered([4, 3], seed: 2)
        try x.setRequiresGradient(true)
        try residual.setRequiresGradient(true)
        let output = try x.batchNormTraining(residual: residual, relu: true).output.square().sum()
        try output.backward(retainGraph: true)
        let once = try #require(x.gradient).cloned()
        try output.backward()
        #expect(try distance(x.gradient, once * 2) < 1e-14)
    }

    @Test func whatDoesNotFitIsAnErrorWithShapes() throws {
        let x = try scattered([4, 3], seed: 1)
        let wrongWeight = try #require(throws: TorchError.self) {
            try x.batchNormTraining(weight: Tensor.ones([4], .float64))
        }
        #expect(wrongWeight.description.hasPrefix("batchNormTraining(float64 [4, 3], float64 [4], none, none): "))
        #expect(throws: TorchError.self) { try x.batchNormTraining(bias: Tensor.ones([3], .float32)) }
        #expect(throws: TorchError.self) { try x.batchNormTraining(residual: Tensor.ones([3, 4], .float64)) }
        #expect(throws: TorchError.self) { try Tensor.zeros([3]).batchNormTraining() }
        #expect(throws: TorchError.self) { try Tensor.zeros([3, 2], .int64).batchNormTraining() }
        #expect(throws: TorchError.self) { try Tensor.zeros([0, 2]).batchNormTraining() }
    }
}
