import Evaluation
import Foundation
import Testing
import Torch

@Suite struct KNNClassifierTests {
    static let classes = 4
    static let dimension = 5

    /// Rows with no two similarities alike, and labels.
    static func data(_ count: Int, phase: Double) throws -> (rows: [[Double]], tensor: Tensor, labels: [Int]) {
        let rows = (0..<count).map { i -> [Double] in
            (0..<dimension).map { d -> Double in
                let angle = 0.173 * Double(i * i) + 1.31 * Double(d) + phase
                return sin(angle) + 0.1 * Double(d)
            }
        }
        let labels = (0..<count).map { ($0 * 7 + $0 / 3) % classes }
        return (rows, try Tensor(rows.flatMap { $0 }, shape: [count, dimension]), labels)
    }

    static func cosine(_ a: [Double], _ b: [Double]) -> Double {
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).map(*).reduce(0, +) }
        return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }

    /// The nearest rows and the prediction, by sorting all similarities.
    static func reference(_ query: [Double], _ bank: [[Double]], _ labels: [Int], k: Int) -> ([Int], Int) {
        let similarities = bank.map { cosine(query, $0) }
        let order = bank.indices.sorted { similarities[$0] > similarities[$1] }
        var votes = Array(repeating: 0.0, count: classes)
        for index in order.prefix(k) { votes[labels[index]] += exp(similarities[index] / 0.07) }
        let best = votes.indices.max { votes[$0] < votes[$1] } ?? 0
        return (Array(order), best)
    }

    @Test(arguments: [1 << 24, 1, 200, 137])
    func agreesWithBruteForceInBlocksOfAnySize(blockElements: Int) throws {
        let bank = try Self.data(60, phase: 0)
        let queries = try Self.data(23, phase: 0.5)
        let ks = [1, 5, 20, 200]
        let classifier = try KNNClassifier(features: bank.tensor, labels: bank.labels, blockElements: blockElements)
        let result = try classifier.evaluate(
            queries: queries.tensor, labels: queries.labels, ks: ks, keepingNeighbours: true)
        for (place, k) in ks.enumerated() {
            let expected = queries.rows.map { Self.reference($0, bank.rows, bank.labels, k: k).1 }
            #expect(try classifier.predict(queries.tensor, k: k) == expected)
            let right = zip(expected, queries.labels).filter { $0 == $1 }.count
            #expect(result.top1[place].k == k)
            #expect(result.top1[place].accuracy == Double(right) / 23)
        }
        #expect(result.neighbours == queries.rows.map { Self.reference($0, bank.rows, bank.labels, k: 60).0 })
    }

    @Test func lengthsOfFeaturesDoNotMatter() throws {
        let bank = try Self.data(30, phase: 0)
        let queries = try Self.data(9, phase: 0.5)
        let long = try KNNClassifier(features: bank.tensor * 50, labels: bank.labels)
        let plain = try KNNClassifier(features: bank.tensor, labels: bank.labels)
        #expect(try long.predict(queries.tensor * 0.01, k: 7) == plain.predict(queries.tensor, k: 7))
    }

    @Test func neighboursAreKeptOnlyOnRequest() throws {
        let bank = try Self.data(10, phase: 0)
        let classifier = try KNNClassifier(features: bank.tensor, labels: bank.labels)
        let result = try classifier.evaluate(queries: bank.tensor, labels: bank.labels, ks: [1])
        #expect(result.neighbours.isEmpty)
        #expect(result.top1[0].accuracy == 1)
    }

    @Test func inputThatDoesNotFitIsRefused() throws {
        let bank = try Self.data(10, phase: 0)
        let classifier = try KNNClassifier(features: bank.tensor, labels: bank.labels)
        #expect(throws: EvaluationError.self) { try KNNClassifier(features: bank.tensor, labels: [1]) }
        #expect(throws: EvaluationError.self) {
            try KNNClassifier(features: bank.tensor, labels: bank.labels.map { $0 - 1 })
        }
        #expect(throws: EvaluationError.self) { try classifier.predict(bank.tensor, k: 0) }
        #expect(throws: EvaluationError.self) { try classifier.predict(Tensor.zeros([2, 3], .float64), k: 1) }
        #expect(throws: EvaluationError.self) { try classifier.evaluate(queries: bank.tensor, labels: [0]) }
    }
}
