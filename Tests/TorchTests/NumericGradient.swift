import Foundation
import Testing
import Torch

/// `count` numbers in about ±1 that look irregular and are the same for the same `seed`.
func scattered(_ count: Int, seed: Double) -> [Double] {
    (0..<count).map { sin(Double($0 + 1) * 12.9898 + seed * 78.233) }
}

/// A float64 tensor of `scattered` numbers.
func scattered(_ shape: [Int], seed: Double) throws -> Tensor {
    try Tensor(scattered(shape.reduce(1, *), seed: seed), shape: shape)
}

/// Largest difference between elements, or infinity where the shapes differ.
func distance(_ a: Tensor?, _ b: Tensor?) throws -> Double {
    guard let a, let b, a.shape == b.shape else { return .infinity }
    return zip(try a.doubles(), try b.doubles()).map { abs($0 - $1) }.max() ?? 0
}

/// Compares the gradients that backward gives for float64 `leaves` with central differences of `function`, a scalar.
func expectGradients(
    of leaves: [Tensor], tolerance: Double = 1e-6, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, function: () throws -> Tensor
) throws {
    for leaf in leaves {
        try leaf.setRequiresGradient(true)
        try leaf.setGradient(nil)
    }
    try function().backward()
    let step = 1e-5
    for (number, leaf) in leaves.enumerated() {
        let analytical = try #require(leaf.gradient, comment, sourceLocation: sourceLocation).doubles()
        let original = try leaf.doubles()
        let numeric = try original.indices.map { index in
            let sides = try [step, -step].map { change in
                var values = original
                values[index] += change
                try withoutGradient { try leaf.copyInPlace(from: Tensor(values, shape: leaf.shape)) }
                return try function().item()
            }
            return (sides[0] - sides[1]) / (2 * step)
        }
        try withoutGradient { try leaf.copyInPlace(from: Tensor(original, shape: leaf.shape)) }
        let worst = zip(analytical, numeric).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
        #expect(worst < tolerance, "leaf \(number): \(analytical) against \(numeric)", sourceLocation: sourceLocation)
    }
}
