import Contrastive
import Foundation
import Testing
import Torch

@Suite struct NTXentTests {
    struct Golden: Decodable {
        let images: Int
        let dimension: Int
        let temperature: Double
        let loss: Double
        let firstGradient: [Double]
        let secondGradient: [Double]
    }

    /// The loss and its gradients with respect to anchors and keys, straight from the definition.
    static func reference(
        _ z: [[Double]], temperature: Double
    ) -> (loss: Double, anchors: [[Double]], keys: [[Double]]) {
        let count = z.count
        var loss = 0.0
        var anchors = z.map { $0.map { _ in 0.0 } }
        var keys = anchors
        for i in 0..<count {
            let positive = (i + count / 2) % count
            let logits = z.map { key in zip(z[i], key).map(*).reduce(0, +) / temperature }
            let highest = logits.max() ?? 0
            let others = (0..<count).filter { $0 != i }
            let total = others.map { exp(logits[$0] - highest) }.reduce(0, +)
            loss += (highest + log(total) - logits[positive]) / Double(count)
            for k in others {
                let share = exp(logits[k] - highest) / total - (k == positive ? 1 : 0)
                for d in z[i].indices {
                    anchors[i][d] += share * z[k][d] / temperature / Double(count)
                    keys[k][d] += share * z[i][d] / temperature / Double(count)
                }
            }
        }
        return (loss, anchors, keys)
    }

    /// The positions of `rows` among `count` keys: their own, and their positives'.
    static func indices(_ rows: Range<Int>, of count: Int) throws -> (own: Tensor, positive: Tensor) {
        let own = try Tensor(rows.map { Int64($0) }, shape: [rows.count])
        let positive = try Tensor(rows.map { Int64(($0 + count / 2) % count) }, shape: [rows.count])
        return (own, positive)
    }

    static func unit(_ rows: Int, _ dimension: Int, phase: Double) throws -> Tensor {
        try waves([rows, dimension], phase).l2Normalized(dim: 1)
    }

    /// A trainable copy.
    static func leaf(_ tensor: Tensor) throws -> Tensor {
        let copy = try tensor.detached().cloned()
        try copy.setRequiresGradient(true)
        return copy
    }

    @Test(arguments: [0.01, 0.05, 0.2, 1], [1, 12, 50, 1 << 24])
    func valueAndGradientsFollowTheDefinitionInBlocksOfAnySize(temperature: Double, blockElements: Int) throws {
        let z = try Self.unit(12, 5, phase: 0.3)
        let flat = try values(z)
        let rows = (0..<12).map { Array(flat[$0 * 5..<$0 * 5 + 5]) }
        let expected = Self.reference(rows, temperature: temperature)
        let (anchors, keys) = (try Self.leaf(z), try Self.leaf(z))
        let (own, positive) = try Self.indices(0..<12, of: 12)
        let loss = try ntXent(
            anchors: anchors, keys: keys, ownKey: own, positiveKey: positive, temperature: temperature, anchorCount: 12,
            blockElements: blockElements)
        try loss.backward()
        #expect(loss.shape == [])
        #expect(try relativeError([loss.item()], [expected.loss]) < 1e-12)
        #expect(try relativeError(values(#require(anchors.gradient)), expected.anchors.flatMap { $0 }) < 1e-11)
        #expect(try relativeError(values(#require(keys.gradient)), expected.keys.flatMap { $0 }) < 1e-11)
    }

    @Test func agreesWithPyTorchThroughTheNormalisation() throws {
        for golden in try golden("ntxent.json", as: [Golden].self) {
            let shape = [golden.images, golden.dimension]
            let first = try Self.leaf(waves(shape, 0.1))
            let second = try Self.leaf(waves(shape, 0.9, scale: 2))
            let loss = try simCLR(
                first, second, temperature: golden.temperature, over: OneWorker(images: golden.images))
            try loss.backward()
            #expect(try relativeError([loss.item()], [golden.loss]) < 1e-11, "\(shape), τ \(golden.temperature)")
            #expect(try relativeError(values(#require(first.gradient)), golden.firstGradient) < 1e-10)
            #expect(try relativeError(values(#require(second.gradient)), golden.secondGradient) < 1e-10)
        }
    }

    @Test(arguments: [[10], [5, 5], [7, 3], [1, 2, 3, 4], [0, 9, 1]])
    func sharesOfAnchorsSumToTheWhole(sizes: [Int]) throws {
        let z = try Self.unit(10, 6, phase: 1.1)
        func run(_ sizes: [Int]) throws -> (loss: Double, gradient: [Double]) {
            let whole = try Self.leaf(z)
            var start = 0
            var loss = 0.0
            for size in sizes {
                let anchors = try whole.narrowed(dim: 0, start: start, length: size)
                let (own, positive) = try Self.indices(start..<start + size, of: 10)
                let share = try ntXent(
                    anchors: anchors, keys: whole, ownKey: own, positiveKey: positive, temperature: 0.1, anchorCount: 10
                )
                try share.backward()
                loss += try share.item()
                start += size
            }
            return (loss, try values(#require(whole.gradient)))
        }
        let (whole, parts) = (try run([10]), try run(sizes))
        #expect(relativeError([parts.loss], [whole.loss]) < 1e-12)
        #expect(relativeError(parts.gradient, whole.gradient) < 1e-12)
    }

    @Test(arguments: [0.01, 0.05, 0.2, 1])
    func singlePrecisionAgreesWithDouble(temperature: Double) throws {
        func run(_ type: ScalarType) throws -> (loss: Double, gradient: [Double]) {
            let z = try Self.leaf(noise([64, 16], 3).converted(to: type))
            let loss = try simCLR(
                z.narrowed(dim: 0, start: 0, length: 32), z.narrowed(dim: 0, start: 32, length: 32),
                temperature: temperature, over: OneWorker(images: 32))
            try loss.backward()
            return (try loss.item(), try values(#require(z.gradient)))
        }
        let (single, double) = (try run(.float32), try run(.float64))
        let tolerance = temperature < 0.05 ? 1e-4 : 1e-5
        #expect(relativeError([single.loss], [double.loss]) < tolerance)
        #expect(relativeError(single.gradient, double.gradient) < tolerance)
    }

    @Test func aLowTemperatureLeavesOnlyTheNearestNegative() throws {
        // Anchor 0 at angle 0, its positive at 0.5, negatives at 0.3 and 1.5: as τ falls the pull of the nearer stays.
        func shareOfNearest(_ temperature: Double) throws -> Double {
            let angles = [0.0, 0.5, 0.3, 1.5]
            let keys = try Self.leaf(Tensor(angles.flatMap { [cos($0), sin($0)] }, shape: [4, 2]))
            let loss = try ntXent(
                anchors: keys.detached().narrowed(dim: 0, start: 0, length: 1), keys: keys,
                ownKey: Tensor([Int64(0)], shape: [1]), positiveKey: Tensor([Int64(1)], shape: [1]),
                temperature: temperature, anchorCount: 1)
            try loss.backward()
            let gradient = try values(#require(keys.gradient))
            // The anchor points along the first axis, so a key's gradient does too.
            return gradient[4] / (gradient[4] + gradient[6])
        }
        #expect(try shareOfNearest(1) < 0.8)
        #expect(try shareOfNearest(0.1) > 0.99)
        #expect(try shareOfNearest(0.02) > 1 - 1e-12)
    }

    @Test func shapesThatDoNotFitAreRefused() throws {
        let z = try Self.unit(4, 3, phase: 0)
        let (own, positive) = try Self.indices(0..<3, of: 4)
        #expect(throws: ContrastiveError.self) {
            try ntXent(anchors: z, keys: z, ownKey: own, positiveKey: positive, temperature: 0.1, anchorCount: 4)
        }
        let all = try Self.indices(0..<4, of: 4)
        #expect(throws: ContrastiveError.self) {
            try ntXent(anchors: z, keys: z, ownKey: all.own, positiveKey: all.positive, temperature: 0, anchorCount: 4)
        }
    }
}
