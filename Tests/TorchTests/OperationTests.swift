import Foundation
import Testing
import Torch

@Suite struct OperationTests {
    @Test func arithmeticBroadcastsAndTakesNumbersOnEitherSide() throws {
        let a = try Tensor([1.0, 2, 3, 4], shape: [2, 2])
        let b = try Tensor([10.0, 20], shape: [2])
        #expect(try (a + b).doubles() == [11, 22, 13, 24])
        #expect(try (a - b).doubles() == [-9, -18, -7, -16])
        #expect(try (a * b).doubles() == [10, 40, 30, 80])
        #expect(try (b / a).doubles() == [10, 10, 10 / 3, 5])
        #expect(try (a + 1).doubles() == [2, 3, 4, 5])
        #expect(try (a - 1).doubles() == [0, 1, 2, 3])
        #expect(try (1 - a).doubles() == [0, -1, -2, -3])
        #expect(try (2 * a).doubles() == [2, 4, 6, 8])
        #expect(try (a / 2).doubles() == [0.5, 1, 1.5, 2])
        #expect(try (12 / a).doubles() == [12, 6, 4, 3])
        #expect(try (-a).doubles() == [-1, -2, -3, -4])
    }

    @Test func inPlaceOperationsChangeTheTensorItself() throws {
        let a = try Tensor([1.0, 2], shape: [2])
        let b = try Tensor([3.0, 5], shape: [2])
        try a.addInPlace(b, scale: 2)
        #expect(try a.doubles() == [7, 12])
        try a.multiplyInPlace(b)
        #expect(try a.doubles() == [21, 60])
        try a.multiplyInPlace(0.5)
        #expect(try a.doubles() == [10.5, 30])
        try a.addcmulInPlace(b, b, scale: 2)
        #expect(try a.doubles() == [28.5, 80])
        try a.addcdivInPlace(b, b, scale: -1)
        #expect(try a.doubles() == [27.5, 79])
        try a.lerpInPlace(towards: b, weight: 1)
        #expect(try a.doubles() == [3, 5])
        try a.fillInPlace(4)
        #expect(try a.doubles() == [4, 4])
        try a.copyInPlace(from: Tensor([UInt8(1), 2], shape: [2]))
        #expect(try a.doubles() == [1, 2])
        try a.zeroInPlace()
        #expect(try a.doubles() == [0, 0])
        let counter = try Tensor.zeros([], .int64)
        try counter.addInPlace(Tensor.ones([], .int64))
        #expect(try counter.item() == 1)
    }

    @Test func shapeOperationsRearrange() throws {
        let a = try Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3])
        #expect(try a.reshape([3, -1]).shape == [3, 2])
        #expect(try a.transposed(0, 1).doubles() == [1, 4, 2, 5, 3, 6])
        #expect(try a.unsqueezed(dim: 0).permuted([2, 0, 1]).shape == [3, 1, 2])
        #expect(try a.narrowed(dim: 1, start: 1, length: 2).doubles() == [2, 3, 5, 6])
        #expect(try a.selected(dim: 0, index: 1).doubles() == [4, 5, 6])
        #expect(try a.unsqueezed(dim: 1).flattened(from: 1).shape == [2, 3])
        #expect(try a.unsqueezed(dim: 1).squeezed(dim: 1).shape == [2, 3])
        #expect(try a.unsqueezed(dim: 0).expanded([2, -1, -1]).shape == [2, 2, 3])
        #expect(try !a.transposed(0, 1).isContiguous)
        #expect(try a.transposed(0, 1).contiguous().isContiguous)
        #expect(try a.converted(to: .int32).scalarType == .int32)
        #expect(try a.asStrided([2, 2], strides: [1, 1], offset: 2).doubles() == [3, 4, 4, 5])
        #expect(try Tensor.concatenated([a, a], dim: 1).shape == [2, 6])
        #expect(try Tensor.stacked([a, a], dim: 0).shape == [2, 2, 3])
        let copy = try a.cloned()
        try copy.zeroInPlace()
        #expect(try a.sum().item() == 21)
    }

    @Test func indexingPicksAndAdds() throws {
        let a = try Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3])
        let places = try Tensor([Int64(2), 0], shape: [2, 1])
        #expect(try a.indexSelected(dim: 1, indices: Tensor([Int64(2), 0], shape: [2])).doubles() == [3, 1, 6, 4])
        #expect(try a.gathered(dim: 1, indices: places).doubles() == [3, 4])
        let source = try Tensor([10.0, 20], shape: [2, 1])
        #expect(try a.scatterAdded(dim: 1, indices: places, source: source).doubles() == [1, 2, 13, 24, 5, 6])
        let mask = try a.equal(Tensor([1.0, 0, 3, 0, 0, 6], shape: [2, 3]))
        #expect(mask.scalarType == .bool)
        #expect(try a.maskedFilled(mask, -1).doubles() == [-1, 2, -1, 4, 5, -1])
        #expect(try Tensor.where(mask, a, -a).doubles() == [1, -2, 3, -4, -5, 6])
    }

    @Test func functionsOfElementsHaveTheirValues() throws {
        let a = try Tensor([0.25, 4], shape: [2])
        #expect(try distance(a.exp().log(), a) < 1e-15)
        #expect(try a.sqrt().doubles() == [0.5, 2])
        #expect(try a.rsqrt().doubles() == [2, 0.5])
        #expect(try a.square().doubles() == [0.0625, 16])
        #expect(try a.pow(0.5).doubles() == [0.5, 2])
        #expect(try (1 - a).abs().doubles() == [0.75, 3])
        #expect(try (1 - a).relu().doubles() == [0.75, 0])
        #expect(try a.clamped(min: 1, max: 2).doubles() == [1, 2])
        #expect(try a.clamped(min: 1).doubles() == [1, 4])
        #expect(try a.clamped(max: 1).doubles() == [0.25, 1])
        #expect(try a.clamped().doubles() == [0.25, 4])
    }

    @Test func reductionsHaveTheirValues() throws {
        let a = try Tensor([3.0, 4, 5, 12], shape: [2, 2])
        #expect(try a.sum().item() == 24)
        #expect(try a.sum(dims: [0]).doubles() == [8, 16])
        #expect(try a.sum(dims: [0, 1], keepDimensions: true).shape == [1, 1])
        #expect(try a.mean().item() == 6)
        #expect(try a.mean(dims: [1]).doubles() == [3.5, 8.5])
        #expect(try a.norm().item() == (194.0).squareRoot())
        #expect(try a.norm(dims: [1]).doubles() == [5, 13])
        #expect(try a.amax(dims: [0]).doubles() == [5, 12])
        #expect(try a.argmax(dim: 1).int64s() == [1, 1])
        let maximum = try a.maximum(dim: 0)
        #expect(try maximum.values.doubles() == [5, 12])
        #expect(try maximum.indices.int64s() == [1, 1])
        let best = try a.topK(1, dim: 1)
        #expect(try best.values.doubles() == [4, 12])
        #expect(try a.topK(1, dim: 1, largest: false).values.doubles() == [3, 5])
        let sorted = try a.flattened().sorted(dim: 0, descending: true)
        #expect(try sorted.values.doubles() == [12, 5, 4, 3])
        #expect(try sorted.indices.int64s() == [3, 2, 1, 0])
        #expect(try distance(a.softmax(dim: 1).sum(dims: [1]), Tensor.ones([2], .float64)) < 1e-15)
        #expect(try distance(a.logSoftmax(dim: 1).exp(), a.softmax(dim: 1)) < 1e-15)
        #expect(try distance(a.logSumExp(dims: [1]), a.exp().sum(dims: [1]).log()) < 1e-12)
        #expect(try distance(Tensor([3.0, 0, 0, -2], shape: [2, 2]).svdvals(), Tensor([3.0, 2], shape: [2])) < 1e-14)
    }

    @Test func matmulAndNormalisationHaveTheirValues() throws {
        let a = try Tensor([1.0, 2, 3, 4], shape: [2, 2])
        #expect(try a.matmul(Tensor([1.0, 0, 1, 1], shape: [2, 2])).doubles() == [3, 2, 7, 4])
        let rows = try Tensor([3.0, 4, 0, 0], shape: [2, 2])
        #expect(try distance(rows.l2Normalized(dim: 1), Tensor([0.6, 0.8, 0, 0], shape: [2, 2])) < 1e-15)
    }

    @Test func gradientsOfTheOperationsInUseAreThoseOfCentralDifferences() throws {
        let x = try scattered([3, 4], seed: 1)
        let y = try scattered([4, 2], seed: 2)
        try expectGradients(of: [x, y]) { try x.matmul(y).square().sum() }
        try expectGradients(of: [x]) { try x.l2Normalized(dim: 1).pow(3).sum() }
        try expectGradients(of: [x]) { try (x.logSumExp(dims: [1]) * 2).exp().mean() }
        try expectGradients(of: [x]) { try (3 / (x.exp() + 1)).logSoftmax(dim: 0).amax(dims: [1]).sum() }
    }
}
