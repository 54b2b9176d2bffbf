import Foundation
import Torch

/// A weighted k-nearest-neighbour classifier on frozen features.
///
/// A query's k nearest bank rows by cosine similarity s vote for their class with weight exp(s/0.07); the class with the
/// largest sum wins (the lowest number among equals).
///
/// Source: Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR 2018.
public struct KNNClassifier {
    /// The bank's rows at unit length, [n, d].
    private let bank: Tensor
    private let labels: [Int]
    private let classCount: Int
    private let temperature: Double
    private let blockElements: Int

    /// The rows of the bank and their classes.
    ///
    /// - Parameters:
    ///   - features: [n, d], n ≥ 1, of any length.
    ///   - labels: n classes from 0.
    ///   - temperature: 0.07 in the protocol.
    ///   - blockElements: how many similarities to hold at a time; the default is 64 MiB of float32.
    public init(features: Tensor, labels: [Int], temperature: Double = 0.07, blockElements: Int = 1 << 24) throws {
        guard features.dimensions == 2, features.shape[0] == labels.count, !labels.isEmpty else {
            throw EvaluationError(
                in: "kNN",
                "the bank has \(labels.count) labels for features of shape \(features.shape), expected [n, d]")
        }
        guard let lowest = labels.min(), let highest = labels.max(), lowest >= 0 else {
            throw EvaluationError(in: "kNN", "a label of the bank is negative; classes count from 0")
        }
        guard temperature > 0, temperature.isFinite else {
            throw EvaluationError(in: "kNN", "temperature is \(temperature), it must be above 0")
        }
        bank = try withoutGradient { try features.l2Normalized(dim: 1) }
        self.labels = labels
        classCount = highest + 1
        self.temperature = temperature
        self.blockElements = max(1, blockElements)
    }

    /// A query set's result.
    public struct Result: Sendable {
        /// The share of right predictions for each k asked for, as asked for, in 0…1.
        public let top1: [(k: Int, accuracy: Double)]
        /// Bank rows by falling similarity, the largest k of them for each query; empty unless asked for.
        public let neighbours: [[Int]]
    }

    /// Classifies `queries` [q, d] and compares with `labels`, for each number of neighbours in `ks` (one larger than the
    /// bank counts as the bank's size).
    ///
    /// Complexity: O(q·n·d) time, `blockElements` similarities at a time.
    public func evaluate(
        queries: Tensor, labels: [Int], ks: [Int] = [10, 20, 100, 200], keepingNeighbours: Bool = false
    ) throws -> Result {
        guard !labels.isEmpty, queries.dimensions == 2, queries.shape[0] == labels.count else {
            throw EvaluationError(
                in: "kNN", "\(labels.count) labels do not fit queries of shape \(queries.shape), expected [q, d]")
        }
        var right = Array(repeating: 0, count: ks.count)
        var kept: [[Int]] = []
        try forEachQuery(queries, ks: ks) { query, neighbours, predictions in
            for index in ks.indices where predictions[index] == labels[query] { right[index] += 1 }
            if keepingNeighbours { kept.append(neighbours.map { Int($0) }) }
        }
        let top1 = zip(ks, right).map { (k: $0, accuracy: Double($1) / Double(labels.count)) }
        return Result(top1: top1, neighbours: kept)
    }

    /// The predicted class of each row of `queries` [q, d] with `k` neighbours.
    public func predict(_ queries: Tensor, k: Int) throws -> [Int] {
        var predicted: [Int] = []
        try forEachQuery(queries, ks: [k]) { _, _, predictions in predicted.append(predictions[0]) }
        return predicted
    }

    /// Calls `body` for each query in order with its number, its nearest bank rows and one prediction per k.
    private func forEachQuery(
        _ queries: Tensor, ks: [Int], _ body: (Int, ArraySlice<Int64>, [Int]) -> Void
    ) throws {
        guard queries.dimensions == 2, queries.shape[1] == bank.shape[1] else {
            throw EvaluationError(
                in: "kNN", "queries have shape \(queries.shape), the bank's rows \(bank.shape[1]) numbers")
        }
        guard let largest = ks.max(), ks.allSatisfy({ $0 > 0 }) else {
            throw EvaluationError(in: "kNN", "the numbers of neighbours \(ks) must be one or more, each at least 1")
        }
        let width = min(largest, labels.count)
        let height = max(1, blockElements / labels.count)
        let count = queries.shape[0]
        try withoutGradient {
            let transposed = try bank.transposed(0, 1)
            for start in stride(from: 0, to: count, by: height) {
                let rows = try queries.narrowed(dim: 0, start: start, length: min(height, count - start))
                let nearest = try rows.l2Normalized(dim: 1).matmul(transposed).topK(width, dim: 1)
                let similarities = try nearest.values.converted(to: .float64).doubles()
                let indices = try nearest.indices.int64s()
                for row in 0..<rows.shape[0] {
                    let range = row * width..<(row + 1) * width
                    body(start + row, indices[range], vote(similarities[range], indices[range], ks))
                }
            }
        }
    }

    /// The winning class for each k, of neighbours sorted by falling similarity.
    private func vote(_ similarities: ArraySlice<Double>, _ indices: ArraySlice<Int64>, _ ks: [Int]) -> [Int] {
        var predictions = Array(repeating: 0, count: ks.count)
        var votes = Array(repeating: 0.0, count: classCount)
        for (place, (similarity, index)) in zip(similarities, indices).enumerated() {
            votes[labels[Int(index)]] += exp(similarity / temperature)
            for (position, k) in ks.enumerated() where min(k, indices.count) == place + 1 {
                var best = 0
                for label in 1..<max(1, classCount) where votes[label] > votes[best] { best = label }
                predictions[position] = best
            }
        }
        return predictions
    }
}
