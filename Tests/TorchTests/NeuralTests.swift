import Foundation
import Testing
import Torch

@Suite struct NeuralTests {
    @Test func convolutionSumsWindows() throws {
        let x = try Tensor((0..<9).map(Double.init), shape: [1, 1, 3, 3])
        let weight = try Tensor.ones([1, 1, 2, 2], .float64)
        #expect(try x.conv2d(weight: weight).doubles() == [8, 12, 20, 24])
        let bias = try Tensor([100.0], shape: [1])
        #expect(try x.conv2d(weight: weight, bias: bias, stride: 2, padding: 1).doubles() == [100, 103, 109, 124])
        #expect(try x.conv2d(weight: weight, dilation: 2).doubles() == [16])
    }

    @Test func poolingAndLinearHaveTheirValues() throws {
        let x = try Tensor((0..<16).map(Double.init), shape: [1, 1, 4, 4])
        #expect(try x.maxPool2d(kernel: 2, stride: 2).doubles() == [5, 7, 13, 15])
        #expect(try x.maxPool2d(kernel: 3, stride: 2, padding: 1).doubles() == [5, 7, 13, 15])
        let pooled = try x.globalAveragePool()
        #expect(pooled.shape == [1, 1])
        #expect(try pooled.item() == 7.5)
        #expect(throws: TorchError.self) { try pooled.globalAveragePool() }
        let weight = try Tensor([1.0, 2, 3, 4], shape: [2, 2])
        let row = try Tensor([1.0, 10], shape: [1, 2])
        #expect(try row.linear(weight: weight).doubles() == [21, 43])
        #expect(try row.linear(weight: weight, bias: Tensor([1.0, 2], shape: [2])).doubles() == [22, 45])
    }

    @Test func inferenceNormalisesByKeptStatistics() throws {
        let x = try Tensor([1.0, 2, 3, 4], shape: [2, 2])
        let y = try x.batchNormInference(
            mean: Tensor([1.0, 2], shape: [2]), variance: Tensor([4.0, 1], shape: [2]),
            weight: Tensor([2.0, 3], shape: [2]), bias: Tensor([0.5, 0], shape: [2]), epsilon: 0)
        #expect(try y.doubles() == [0.5, 0, 2.5, 6])
    }

    @Test func gradientsOfConvolutionAndPoolingAreThoseOfCentralDifferences() throws {
        let x = try scattered([2, 3, 5, 4], seed: 1).channelsLast()
        let weight = try scattered([4, 3, 3, 3], seed: 2).channelsLast()
        let bias = try scattered([4], seed: 3)
        try expectGradients(of: [x, weight, bias]) {
            try x.conv2d(weight: weight, bias: bias, stride: 2, padding: 1).maxPool2d(kernel: 2, stride: 1)
                .globalAveragePool().square().sum()
        }
    }

    @Test(arguments: [1, 3, 8])
    func aChainOfLayersStaysChannelsLast(inputs: Int) throws {
        func values(_ shape: [Int], seed: Double) throws -> Tensor {
            try scattered(shape, seed: seed).converted(to: .float32)
        }
        let x = try values([2, inputs, 16, 16], seed: 1).channelsLast()
        let weight = try values([8, inputs, 3, 3], seed: 2)
        try x.setRequiresGradient(true)
        try weight.setRequiresGradient(true)
        let convolved = try x.conv2d(weight: weight, padding: 1)
        #expect(convolved.isChannelsLast)
        let normalised = try convolved.batchNormTraining(relu: true).output
        #expect(normalised.isChannelsLast)
        let added = try normalised.batchNormTraining(residual: normalised, relu: true).output
        #expect(added.isChannelsLast)
        let pooled = try added.maxPool2d(kernel: 3, stride: 2, padding: 1)
        #expect(pooled.isChannelsLast)
        let mean = try Tensor.zeros([8])
        let kept = try pooled.batchNormInference(mean: mean, variance: mean + 1).relu()
        #expect(kept.isChannelsLast)
        try kept.globalAveragePool().sum().backward()
        #expect(try #require(x.gradient).isChannelsLast)
        #expect(weight.gradient != nil)
    }
}
