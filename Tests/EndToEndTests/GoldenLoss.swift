import Checkpoints
import Foundation
import Testing

/// A case of `ContrastiveTests/Golden/losses.json` as a file for `murmur loss`.
struct GoldenLoss: Decodable {
    struct Input: Decodable {
        let shape: [Int]
        let seed: Int
        let scale: Double
    }

    let method: String
    let inputs: [String: Input]
    let assignments: [Int64]?
    let settings: [String: Double]
    let choices: [String: String]
    let loss: Double
    let gradients: [String: [Double]]

    /// What `murmur loss` knows.
    static let methods = [
        "simclr", "triplet", "moco", "mocov2", "mocov3", "swav", "deepclusterv2", "byol", "simsiam", "barlowtwins",
        "vicreg",
    ]

    /// The first case of a method; MoCo v1 and v2 differ in their defaults alone.
    static func first(of method: String) throws -> GoldenLoss {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("ContrastiveTests/Golden/losses.json")
        let cases = try JSONDecoder().decode([GoldenLoss].self, from: Data(contentsOf: file))
        let name = method == "mocov2" ? "moco" : method
        return try #require(cases.first { $0.method == name })
    }

    /// The settings as words of a command line.
    var words: [String] { settings.map { "\($0)=\($1)" } + choices.map { "\($0)=\($1)" } }

    /// The inputs as float64.
    func records() -> [TensorRecord] {
        var records = inputs.map { name, input in
            let bytes = Self.noise(input).withUnsafeBytes { Array($0) }
            return TensorRecord(name: name, type: .float64, shape: input.shape, bytes: bytes)
        }
        if let assignments {
            records.append(TensorRecord(name: "assignments", shape: [assignments.count], integers: assignments))
        }
        return records
    }

    /// As `noise` in `Golden/formulas.py`.
    private static func noise(_ input: Input) -> [Double] {
        (0..<input.shape.reduce(1, *)).map { i in
            var h = UInt32(truncatingIfNeeded: (i + 1) * 2_654_435_761 + input.seed * 40503)
            for _ in 0..<2 { h = (h ^ (h >> 16)) &* 2_246_822_519 }
            h ^= h >> 13
            return input.scale * (Double(h) / 0x1p31 - 1)
        }
    }
}
