import Checkpoints
import Foundation
import GoldenTestKit
import Testing

/// Golden cases as `murmur loss` takes them.
extension GoldenLoss {
    /// What `murmur loss` knows.
    static let methods = [
        "simclr", "triplet", "moco", "mocov2", "mocov3", "swav", "deepclusterv2", "byol", "simsiam", "barlowtwins",
        "vicreg",
    ]

    /// The first case of a method; MoCo v1 and v2 differ in their defaults alone.
    static func first(of method: String) throws -> GoldenLoss {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("ContrastiveTests/Golden/losses.json")
        let name = method == "mocov2" ? "moco" : method
        return try #require(all(in: Data(contentsOf: file)).first { $0.method == name })
    }

    /// The settings as words of a command line.
    var words: [String] { settings.map { "\($0)=\($1)" } + choices.map { "\($0)=\($1)" } }

    /// The inputs as float64.
    func records() -> [TensorRecord] {
        var records = inputs.map { name, input in
            let bytes = input.values.withUnsafeBytes { Array($0) }
            return TensorRecord(name: name, type: .float64, shape: input.shape, bytes: bytes)
        }
        if let assignments {
            records.append(TensorRecord(name: "assignments", shape: [assignments.count], integers: assignments))
        }
        return records
    }
}
