import Evaluation
import Foundation
import FoundationXML
import Testing

@Suite("The loss curve's picture")
final class LossCurveTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("curve-\(UUID().uuidString)").path

    deinit {
        for suffix in ["", ".svg"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    private func curve(_ text: String) throws -> LossCurve {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return try LossCurve(log: path)
    }

    private func line(_ step: Int, _ loss: Double) -> String {
        #"{"step":\#(step),"loss":\#(loss),"lr":0.1,"images_per_second":\#(100 + step % 3),"workers":2,"time":1.5}"#
            + "\n"
    }

    /// Whether an XML parser takes the picture, and the points of its lines.
    private func polylines(_ svg: String) throws -> [[(x: Double, y: Double)]] {
        final class Reader: NSObject, XMLParserDelegate {
            var lines: [String] = []
            func parser(
                _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
                attributes: [String: String]
            ) {
                if name == "polyline", let points = attributes["points"] { lines.append(points) }
            }
        }
        let parser = XMLParser(data: Data(svg.utf8))
        let reader = Reader()
        parser.delegate = reader
        try #require(parser.parse(), "\(String(describing: parser.parserError))")
        return try reader.lines.map { line in
            try line.split(separator: " ").map { pair in
                let numbers = pair.split(separator: ",").compactMap { Double($0) }
                try #require(numbers.count == 2 && numbers.allSatisfy(\.isFinite))
                return (numbers[0], numbers[1])
            }
        }
    }

    @Test func readsEachStep() throws {
        let curve = try curve(line(1, 5.5) + line(2, 5.25) + line(3, 4))
        #expect(curve.buckets.map(\.firstStep) == [1, 2, 3])
        #expect(curve.buckets.map(\.mean) == [5.5, 5.25, 4])
        #expect(curve.skippedLines == 0)
        #expect(curve.lastLoss == 4)
        #expect(curve.imagesPerSecond == 101)
    }

    @Test func skipsAndCountsDamagedLines() throws {
        let huge = String(repeating: "x", count: 200_000)
        let curve = try curve(
            line(1, 5) + "garbage\n" + #"{"step":2,"loss":nan}"# + "\n" + #"{"step":2}"# + "\n" + huge + "\n\n"
                + #"{"step":-2,"loss":1}"# + "\n" + line(3, 4) + String(line(4, 3).dropLast(20)))
        #expect(curve.buckets.map(\.firstStep) == [1, 3])
        #expect(curve.skippedLines == 6)
        #expect(try self.curve(huge).skippedLines == 1)
    }

    @Test func stepsDoneAgainTakeTheOldOnesPlace() throws {
        let curve = try curve(line(1, 5) + line(2, 4) + line(3, 3) + line(2, 4.5) + line(3, 3.5))
        #expect(curve.buckets.map(\.mean) == [5, 4.5, 3.5])
    }

    @Test func longRunsStayBoundedAndKeepTheirSpikes() {
        var curve = LossCurve()
        for step in 1...100_000 { curve.append(step: step, loss: step == 70_001 ? 50 : 1) }
        #expect(curve.buckets.count <= LossCurve.maximumBuckets)
        #expect(curve.buckets.count > LossCurve.maximumBuckets / 3)
        #expect(curve.buckets.reduce(0) { $0 + $1.count } == 100_000)
        #expect(curve.buckets.filter { $0.greatest == 50 }.map { $0.firstStep...$0.lastStep ~= 70_001 } == [true])
        #expect(curve.smoothed.count == curve.buckets.count)
        #expect(zip(curve.buckets, curve.buckets.dropFirst()).allSatisfy { $0.lastStep + 1 == $1.firstStep })
    }

    @Test(
        "Any curve is drawn within the picture",
        arguments: [
            [], [3], [2, 2, 2], [0, 0], [-1, 1], [1e-9, 2e-9], [1e30, -1e30], [5, 4, 3, 2, 1], [1, 1e308, -1e308],
        ] as [[Double]])
    func drawing(losses: [Double]) throws {
        var curve = LossCurve()
        for (index, loss) in losses.enumerated() { curve.append(step: index + 1, loss: loss) }
        let lines = try polylines(curve.svg())
        #expect(lines.count == (losses.isEmpty ? 0 : 2))
        for point in lines.joined() {
            #expect((60...700).contains(point.x))
            #expect((-400...800).contains(point.y))
        }
    }

    @Test func fallingLossesFallInThePicture() throws {
        var curve = LossCurve()
        for step in 1...500 { curve.append(step: step, loss: 6 / Double(step).squareRoot() + 0.1 * Double(step % 2)) }
        let svg = curve.svg()
        let smooth = try #require(try polylines(svg).last)
        #expect(smooth.count == 500)
        #expect(try #require(smooth.first).y < #require(smooth.last).y)
        #expect(zip(smooth, smooth.dropFirst()).allSatisfy { $0.x < $1.x })
        let labels = Set(svg.matches(of: #/>([^<>]+)</text>/#).map { String($0.1) })
        #expect(labels.isSuperset(of: ["0", "100", "500", "2", "4", "6", "loss", "step"]), "\(labels)")
    }

    @Test func oneSpikeDoesNotFlattenTheRest() throws {
        var curve = LossCurve()
        for step in 1...200 { curve.append(step: step, loss: step == 77 ? 1e6 : 3 - Double(step) / 100) }
        let raw = try #require(try polylines(curve.svg()).first)
        #expect(raw[10].y - raw[0].y > 5)
    }

    @Test func textIsEscaped() throws {
        let svg = LossCurve().svg(title: "a<b> & \"c\" \u{1}ü")
        #expect(svg.contains("a&lt;b&gt; &amp; &quot;c&quot; ü"))
        _ = try polylines(svg)
    }

    @Test func isWrittenToAFileOrSaysWhyNot() throws {
        try Data(line(1, 2).utf8).write(to: URL(fileURLWithPath: path))
        let curve = try LossCurve.write(log: path, to: path + ".svg", title: "Run 1")
        #expect(try String(contentsOfFile: path + ".svg", encoding: .utf8) == curve.svg(title: "Run 1"))
        #expect(throws: EvaluationError.self) { try LossCurve(log: path + ".none") }
        #expect(throws: EvaluationError.self) { try LossCurve.write(log: self.path, to: self.path + "/no/such.svg") }
    }
}
