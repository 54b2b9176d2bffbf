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
}
