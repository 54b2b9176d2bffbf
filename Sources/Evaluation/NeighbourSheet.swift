import ImagePipeline
import Torch

/// A picture of queries, one a row, each followed by its nearest neighbours by cosine: a green border for the query's
/// own class, a red one for any other; the query itself has a blue one.
public struct NeighbourSheet {
    private let bank: any ImageDataset
    private let bankLabels: [Int]
    private let classifier: KNNClassifier

    /// - Parameter bankFeatures: `[n, d]`, one row for each image of `bank`.
    public init(bank: any ImageDataset, bankFeatures: Tensor, bankLabels: [Int]) throws {
        self.bank = bank
        self.bankLabels = bankLabels
        classifier = try KNNClassifier(features: bankFeatures, labels: bankLabels)
    }

    /// Draws `rows` queries, spread evenly over the classes, with `neighbours` neighbours each, as a PNG file.
    ///
    /// - Throws: `ImageError`, `PictureError`.
    public func draw(
        queries: any ImageDataset, features: Tensor, labels: [Int], rows: Int = 10, neighbours: Int = 10,
        to path: String
    ) throws {
        let chosen = Self.spread(labels, rows: rows)
        let picked = try features.indexSelected(dim: 0, indices: Tensor(chosen.map(Int64.init), shape: [chosen.count]))
        let result = try classifier.evaluate(
            queries: picked, labels: chosen.map { labels[$0] }, ks: [neighbours], keepingNeighbours: true)
        var sheet = ImageSheet(columns: neighbours + 1, cellSize: 56)
        for (query, found) in zip(chosen, result.neighbours) {
            sheet.append(try queries.image(at: query), border: .query)
            for index in found {
                sheet.append(try bank.image(at: index), border: bankLabels[index] == labels[query] ? .right : .wrong)
            }
            // A bank smaller than the number of neighbours leaves the row short.
            for _ in found.count..<neighbours { sheet.appendBlank() }
        }
        try PNGWriter.write(sheet.render(), to: path)
    }

    /// The first query of each class in turn, then the second, until there are enough.
    private static func spread(_ labels: [Int], rows: Int) -> [Int] {
        var seen: [Int: Int] = [:]
        let ranked = labels.enumerated().map { index, label in
            let rank = seen[label, default: 0]
            seen[label] = rank + 1
            return (rank: rank, label: label, index: index)
        }
        return ranked.sorted { ($0.rank, $0.label) < ($1.rank, $1.label) }.prefix(rows).map(\.index)
    }
}
