import Foundation
import Randomness
import Torch

/// Draws a model's initial weights from Philox streams: each tensor has its own stream, numbered in the order in which
/// the model asks, so that weights depend on the seed and the architecture, not on libtorch's version or its threads.
struct WeightInitializer {
    /// The part of the model that is initialised; parts with the same seed are independent.
    enum Part {
        case encoder, projector, linear, predictor, denseProjector
        case prototypes(head: Int)

        /// What tells the part's streams from those of others.
        var path: [UInt64] {
            switch self {
            case .encoder: [1]
            case .projector: [2]
            case .linear: [3]
            case .predictor: [4]
            case .denseProjector: [5]
            case .prototypes(let head): [6, UInt64(head)]
            }
        }
    }

    let seed: UInt64
    let part: Part
    let scalarType: ScalarType
    private var drawn: UInt64 = 0

    init(seed: UInt64, part: Part, scalarType: ScalarType) {
        self.seed = seed
        self.part = part
        self.scalarType = scalarType
    }

    /// A trainable tensor of independent normal numbers with mean 0 and `standardDeviation` (Box–Muller, both of a pair).
    mutating func normal(_ shape: [Int], standardDeviation: Double) throws -> Tensor {
        var stream = nextStream()
        let count = shape.reduce(1, *)
        var values = Array(repeating: 0.0, count: count)
        for index in stride(from: 0, to: count, by: 2) {
            let radius = standardDeviation * (-2 * log(1 - stream.uniformDouble())).squareRoot()
            let angle = 2 * Double.pi * stream.uniformDouble()
            values[index] = radius * cos(angle)
            if index + 1 < count { values[index + 1] = radius * sin(angle) }
        }
        return try trainable(values, shape)
    }

    /// A trainable tensor of independent uniform numbers in [−`bound`, `bound`).
    mutating func uniform(_ shape: [Int], bound: Double) throws -> Tensor {
        var stream = nextStream()
        let values = (0..<shape.reduce(1, *)).map { _ in (2 * stream.uniformDouble() - 1) * bound }
        return try trainable(values, shape)
    }

    private mutating func nextStream() -> Philox {
        defer { drawn += 1 }
        return Philox(seed: seed, path: part.path + [drawn])
    }

    private func trainable(_ values: [Double], _ shape: [Int]) throws -> Tensor {
        var tensor = try Tensor(values, shape: shape).converted(to: scalarType)
        if shape.count == 4 { tensor = try tensor.channelsLast() }
        try tensor.setRequiresGradient(true)
        return tensor
    }
}
