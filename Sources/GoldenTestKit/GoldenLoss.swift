import Foundation

/// A case of `Tests/ContrastiveTests/Golden/losses.json`: a method's loss and its gradients on given inputs, as PyTorch
/// has them.
public struct GoldenLoss: Decodable, Sendable {
    /// A tensor, given by formula.
    public struct Input: Decodable, Sendable {
        public let shape: [Int]
        public let seed: Int
        public let scale: Double

        /// The elements in row-major order.
        public var values: [Double] { goldenNoise(count: shape.reduce(1, *), seed: seed, scale: scale) }
    }

    public let method: String
    public let inputs: [String: Input]
    /// Of methods with clusters: [N].
    public let assignments: [Int64]?
    public let settings: [String: Double]
    public let choices: [String: String]
    public let loss: Double
    /// Of the inputs that have one, in row-major order.
    public let gradients: [String: [Double]]

    /// All cases, from the content of the file.
    public static func all(in data: Data) throws -> [GoldenLoss] {
        try JSONDecoder().decode([GoldenLoss].self, from: data)
    }
}
