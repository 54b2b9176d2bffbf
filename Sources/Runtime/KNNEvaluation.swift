import Evaluation
import Foundation
import ImagePipeline
import Torch
import Training

/// `murmur eval knn`: trained encoder, untrained encoder and raw pixels side by side.
public enum KNNEvaluation {
    /// Top-1 accuracies for several numbers of neighbours.
    public struct Report: Codable, Sendable {
        /// One representation's accuracies, as fractions, in the order of `ks`.
        public struct Row: Codable, Sendable {
            public let features: String
            public let top1: [Double]
        }

        public let ks: [Int]
        public let rows: [Row]
        public let bankImages: Int
        public let queryImages: Int

        enum CodingKeys: String, CodingKey {
            case ks = "k"
            case rows
            case bankImages = "bank_images"
            case queryImages = "query_images"
        }

        public var table: String {
            let header = "kNN top-1 (%)     " + ks.map { String(format: "k=%-6d", $0) }.joined()
            let lines = rows.map { row in
                row.features.padding(toLength: 18, withPad: " ", startingAt: 0)
                    + row.top1.map { String(format: "%-8.2f", 100 * $0) }.joined()
            }
            return ([header] + lines).joined(separator: "\n")
        }

        /// The accuracies at the last k, as percentages.
        public var closingLine: String {
            let percent = rows.map { String(format: "%.2f%%", 100 * ($0.top1.last ?? 0)) }
            return "kNN top-1: \(percent[0]) (untrained encoder \(percent[1]), raw pixels \(percent[2]))"
        }

        public func json() throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// - Parameters:
    ///   - bank: the labelled images that vote; its training split where it has splits.
    ///   - queries: the images to classify; its test split where it has splits.
    ///   - k: the number of neighbours of the closing line.
    ///   - neighboursPath: where to draw some queries with their neighbours; nil draws nothing.
    public static func run(
        checkpoint: String, bank: String, queries: String, k: Int, neighboursPath: String?, threads: Int
    ) throws -> Report {
        try TorchRuntime.setThreads(threads)
        let frozen = try FrozenEncoder(checkpoint: checkpoint)
        let bankSet = try frozen.open(bank, split: .train)
        let querySet = try frozen.open(queries, split: .test)
        let bankLabels = try labels(of: bankSet, bank)
        let queryLabels = try labels(of: querySet, queries)
        guard bankSet.classNames == querySet.classNames else {
            throw Failure(.data, "\(bank) and \(queries) have different classes")
        }
        let models = [frozen.encoder, try frozen.untrained()]
        let bankFeatures = try frozen.features(of: bankSet, by: models, pixels: true, threads: threads)
        let queryFeatures = try frozen.features(of: querySet, by: models, pixels: true, threads: threads)
        let ks = [10, 20, 100].filter { $0 < k } + [k]
        var rows: [Report.Row] = []
        for (index, name) in ["trained encoder", "untrained encoder", "raw pixels"].enumerated() {
            let classifier = try KNNClassifier(features: bankFeatures[index], labels: bankLabels)
            let result = try classifier.evaluate(queries: queryFeatures[index], labels: queryLabels, ks: ks)
            rows.append(Report.Row(features: name, top1: result.top1.map(\.accuracy)))
        }
        if let neighboursPath {
            try NeighbourSheet(bank: bankSet, bankFeatures: bankFeatures[0], bankLabels: bankLabels).draw(
                queries: querySet, features: queryFeatures[0], labels: queryLabels, to: neighboursPath)
        }
        return Report(ks: ks, rows: rows, bankImages: bankSet.count, queryImages: querySet.count)
    }

    private static func labels(of dataset: any ImageDataset, _ path: String) throws -> [Int] {
        let labels = dataset.labels.map(Int.init)
        guard labels.allSatisfy({ $0 >= 0 }) else {
            throw Failure(.data, "\(path) has images without a class: kNN needs one folder a class")
        }
        return labels
    }
}
