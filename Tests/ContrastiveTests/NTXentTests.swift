import Contrastive
import Foundation
import Testing
import Torch

@Suite struct NTXentTests {
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
        let views = try (0..<2).map { try Self.leaf(z.narrowed(dim: 0, start: 6 * $0, length: 6)) }
        let loss = try simCLR(
            views[0], views[1], temperature: temperature, over: OneWorker(images: 6), blockElements: blockElements)
        try loss.backward()
        #expect(loss.shape == [])
        #expect(try relativeError([loss.item()], [expected.loss]) < 1e-12)
        // What goes through the normalisation of unit rows is the part across them.
        let sums = zip(expected.anchors, expected.keys).map { zip($0, $1).map(+) }
        let across = zip(sums, rows).map { gradient, row in
            let along = zip(gradient, row).map(*).reduce(0, +)
            return zip(gradient, row).map { $0 - along * $1 }
        }
        let gradients = try views.flatMap { try values(#require($0.gradient)) }
        #expect(relativeError(gradients, across.flatMap { $0 }) < 1e-11)
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
        // A view at angle 0 with its other view at 0.5; another image's views at 0.3 and 1.5. As τ falls the view at 0 is
        // pushed from the nearer of the two alone: the gradient turns into that of the hinge with it.
        func gradientAcross(_ temperature: Double) throws -> Double {
            let angles = [0.0, 0.3, 0.5, 1.5]
            let views = try (0..<2).map { view in
                try Self.leaf(Tensor(angles[2 * view..<2 * view + 2].flatMap { [cos($0), sin($0)] }, shape: [2, 2]))
            }
            try (simCLR(views[0], views[1], temperature: temperature, over: OneWorker(images: 2)) * 4 * temperature)
                .backward()
            return try values(#require(views[0].gradient))[1]
        }
        // Anchors at 0, 0.3 and 0.5 have as nearest key 0.3, 0.5 and 0.3; the one at 1.5 has 0.5, so that only the first
        // anchor's own terms and its being the positive of 0.5 touch the view at 0.
        let hinge = sin(0.3) - 2 * sin(0.5)
        #expect(try abs(gradientAcross(1) - hinge) > 0.1)
        #expect(try abs(gradientAcross(0.02) - hinge) < 0.15)
        #expect(try abs(gradientAcross(0.002) - hinge) < 1e-4)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let z = try Self.unit(4, 3, phase: 0)
        #expect(throws: ContrastiveError.self) {
            try simCLR(z, z.narrowed(dim: 0, start: 0, length: 3), temperature: 0.1, over: OneWorker(images: 4))
        }
        #expect(throws: ContrastiveError.self) { try simCLR(z, z, temperature: 0.1, over: OneWorker(images: 5)) }
        #expect(throws: ContrastiveError.self) { try simCLR(z, z, temperature: 0, over: OneWorker(images: 4)) }
    }
}
