import Contrastive
import Foundation
import GoldenTestKit
import Testing
import Torch

/// shift + scale · sin(0.37·(i + 1) + phase) over the elements i in row-major order, as `Golden/formulas.py` has it.
func waves(_ shape: [Int], _ phase: Double, scale: Double = 1, shift: Double = 0) throws -> Tensor {
    let count = shape.reduce(1, *)
    return try Tensor((0..<count).map { shift + scale * sin(0.37 * (Double($0) + 1) + phase) }, shape: shape)
}

/// `goldenNoise` as a tensor.
func noise(_ shape: [Int], _ seed: Int, scale: Double = 1, shift: Double = 0) throws -> Tensor {
    try Tensor(goldenNoise(count: shape.reduce(1, *), seed: seed, scale: scale, shift: shift), shape: shape)
}

/// Sets every tensor of a model by formula, as `fill` in `Golden/formulas.py` does.
func fill(_ model: some Layer) throws {
    try withoutGradient {
        for (place, entry) in model.state.enumerated() where !entry.name.hasSuffix("num_batches_tracked") {
            let shape = entry.tensor.shape
            let values: Tensor
            if shape.count > 1 {
                let fanOut = Double(shape[0] * shape[2...].reduce(1, *))
                values = try noise(shape, place, scale: (6 / fanOut).squareRoot())
            } else if entry.name.hasSuffix("running_var") || entry.name.hasSuffix("weight") {
                values = try noise(shape, place, scale: 0.3, shift: 1)
            } else {
                values = try noise(shape, place, scale: 0.1)
            }
            try entry.tensor.copyInPlace(from: values)
        }
    }
}

func golden(_ name: String) throws -> Data {
    let folder = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
    return try Data(contentsOf: folder.appendingPathComponent(name))
}

func golden<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: golden(name))
}

/// The elements in row-major order, whatever the scalar type.
func values(_ tensor: Tensor) throws -> [Double] {
    try withoutGradient { try tensor.detached().converted(to: .float64).contiguous().doubles() }
}

/// The largest difference between `a` and `b` over the largest magnitude in `b`.
func relativeError(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    let scale = b.map(abs).max() ?? 0
    let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
    // A NaN counts as a difference.
    guard a.allSatisfy(\.isFinite) else { return .infinity }
    return scale > 0 ? difference / scale : difference
}

func relativeError(_ a: Tensor, _ b: Tensor) throws -> Double {
    try relativeError(values(a), values(b))
}

/// Sums gradients, by the parameter's identity.
final class GradientSums: GradientAccumulator {
    private(set) var sums: [ObjectIdentifier: [Double]] = [:]

    func expect(_ count: Int, for parameter: Tensor) {}

    func add(_ gradient: Tensor, to parameter: Tensor) throws {
        let new = try values(gradient)
        sums[ObjectIdentifier(parameter)] = sums[ObjectIdentifier(parameter)].map { zip($0, new).map(+) } ?? new
    }
}
