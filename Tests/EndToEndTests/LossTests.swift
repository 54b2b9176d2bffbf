import Checkpoints
import Foundation
import GoldenTestKit
import Testing

@Suite("murmur loss", .serialized)
struct LossTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// NT-Xent by its definition, in float64, on rows of one matrix: first views, then second views.
    private func ntXent(_ rows: [[Double]], temperature: Double) -> Double {
        let unit = rows.map { row in
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / length }
        }
        let count = rows.count
        var sum = 0.0
        for i in 0..<count {
            let logits = unit.map { other in zip(unit[i], other).reduce(0) { $0 + $1.0 * $1.1 } / temperature }
            let others = (0..<count).filter { $0 != i }
            let largest = others.map { logits[$0] }.max()!
            let total = others.reduce(0) { $0 + exp(logits[$1] - largest) }
            sum += log(total) + largest - logits[(i + count / 2) % count]
        }
        return sum / Double(count)
    }

    @Test(arguments: [(workers: 1, count: 7), (2, 7), (3, 8), (4, 5), (3, 2)])
    func isNTXentOnAnyNumberOfWorkers(workers: Int, count: Int) throws {
        let width = 6
        let values = (0..<2 * count * width).map { sin(Double($0 * $0) * 0.37 + 1) }
        let rows = (0..<2 * count).map { Array(values[$0 * width..<($0 + 1) * width]) }
        func record(_ name: String, _ rows: ArraySlice<[Double]>) throws -> TensorRecord {
            let bytes = rows.flatMap { $0 }.withUnsafeBytes { Array($0) }
            return TensorRecord(name: name, type: .float64, shape: [count, width], bytes: bytes)
        }
        try SafeTensors.write(
            [record("z1", rows[..<count]), record("z2", rows[count...])], metadata: [:], to: scratch.path("in"))
        let ending = try scratch.run(
            [
                "loss", "simclr", "--in", scratch.path("in"), "--workers", "\(workers)", "temperature=0.3", "--out",
                scratch.path("out"),
            ])
        try #require(ending.code == 0, "\(ending)")
        let words = ending.lastLine.split(separator: " ")
        #expect(words.first == "loss")
        let value = try #require(Double(words.last ?? ""))
        #expect(abs(value - ntXent(rows, temperature: 0.3)) <= 1e-7)

        let gradients = try SafeTensors.read(scratch.path("out")).tensors
        #expect(gradients.map(\.name).sorted() == ["grad_z1", "grad_z2"])
        let first = try #require(gradients.first { $0.name == "grad_z1" })
        let ours = first.bytes.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
        let step = 1e-5
        for index in [0, width + 1, count * width - 1] {
            var up = rows
            var down = rows
            up[index / width][index % width] += step
            down[index / width][index % width] -= step
            let slope = (ntXent(up, temperature: 0.3) - ntXent(down, temperature: 0.3)) / (2 * step)
            #expect(abs(ours[index] - slope) <= 1e-6, "entry \(index): \(ours[index]) and \(slope)")
        }
    }

    @Test func aMissingTensorIsNamed() throws {
        let bytes = [UInt8](repeating: 0, count: 16)
        try SafeTensors.write(
            [TensorRecord(name: "z1", type: .float32, shape: [2, 2], bytes: bytes)], metadata: [:],
            to: scratch.path("in"))
        let ending = try scratch.run(
            ["loss", "simclr", "--in", scratch.path("in"), "--workers", "2", "--out", scratch.path("out")])
        #expect(ending.code == 2, "\(ending)")
        #expect(ending.error.contains("z2"), "\(ending)")
    }

    /// The cases of `Golden/losses.json`, the reference values that PyTorch computed, through the command.
    @Test(arguments: GoldenLoss.methods, [1, 3])
    func agreesWithPyTorchOnAnyNumberOfWorkers(method: String, workers: Int) throws {
        let golden = try GoldenLoss.first(of: method)
        try SafeTensors.write(golden.records(), metadata: [:], to: scratch.path("in"))
        let ending = try scratch.run(
            ["loss", method, "--in", scratch.path("in"), "--workers", "\(workers)", "--out", scratch.path("out")]
                + golden.words)
        try #require(ending.code == 0, "\(ending)")
        let value = try #require(Double(ending.lastLine.split(separator: " ").last ?? ""))
        #expect(abs(value - golden.loss) <= 1e-8 * abs(golden.loss), "\(value), not \(golden.loss)")
        let written = try SafeTensors.read(scratch.path("out")).tensors
        #expect(Set(written.map(\.name)) == Set(golden.gradients.keys.map { "grad_\($0)" }))
        for record in written {
            let ours = record.bytes.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
            let expected = try #require(golden.gradients[String(record.name.dropFirst("grad_".count))])
            let largest = expected.map(abs).max() ?? 0
            #expect(zip(ours, expected).allSatisfy { abs($0 - $1) <= 1e-9 * largest }, "\(record.name)")
            #expect(ours.count == expected.count)
        }
    }

    @Test func inputsThatDoNotFitAreOneLine() throws {
        func ending(_ method: String, _ change: (inout [TensorRecord]) -> Void) throws -> MurmurProcess.Ending {
            var records = try GoldenLoss.first(of: method).records()
            change(&records)
            try SafeTensors.write(records, metadata: [:], to: scratch.path("in"))
            return try scratch.run(
                ["loss", method, "--in", scratch.path("in"), "--workers", "2", "--out", scratch.path("out")])
        }
        let far = try ending("deepclusterv2") { records in
            records.removeAll { $0.name == "assignments" }
            records.append(TensorRecord(name: "assignments", shape: [5], integers: [0, 1, 2, 0, 99]))
        }
        #expect(far.code == 2 && far.error.contains("99"), "\(far)")
        let real = try ending("deepclusterv2") { records in
            records.removeAll { $0.name == "assignments" }
            records.append(TensorRecord(name: "assignments", shape: [5], floats: [0, 1, 2, 0, 1]))
        }
        #expect(real.code == 2 && real.error.contains("int64"), "\(real)")
        let single = try ending("swav") { records in
            records.removeAll { $0.name == "z" }
            records.append(TensorRecord(name: "z", shape: [1, 1, 4], floats: [0, 1, 2, 0]))
        }
        #expect(single.code == 2 && single.error.contains("crops"), "\(single)")
        for ending in [far, real, single] {
            #expect(ending.output.isEmpty && ending.error.split(separator: "\n").count == 1, "\(ending)")
        }
        let missing = try scratch.run(["loss", "byol", "--in", scratch.path("none"), "--out", scratch.path("out")])
        #expect(missing.code != 0 && missing.error.split(separator: "\n").count == 1, "\(missing)")
    }

    @Test func theHelpTellsWhatEveryMethodTakes() throws {
        let text = try scratch.run(["loss", "--help"]).output
        for method in GoldenLoss.methods { #expect(text.contains("\n  \(method) "), "\(method)") }
        for words in ["z1 z2 [N, D]", "queue* [K, D]", "assignments* [N]", "mining=all|hard|semihard", "lambda=0.0051"]
        {
            #expect(text.contains(words), "\(words)")
        }
    }

    @Test func anUnknownMethodOrSettingIsRefused() throws {
        let common = ["--in", scratch.path("in"), "--out", scratch.path("out")]
        #expect(try scratch.run(["loss", "simclrr"] + common).error.contains("simclr"))
        #expect(try scratch.run(["loss", "simclr", "margin=1"] + common).code == 2)
        #expect(try scratch.run(["loss", "simclr", "temperature=-1"] + common).code == 2)
    }
}
