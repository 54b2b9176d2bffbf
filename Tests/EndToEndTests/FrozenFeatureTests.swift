import Checkpoints
import Foundation
import ImagePipeline
import Testing

@Suite("Frozen features", .serialized)
struct FrozenFeatureTests {
    let scratch: Scratch
    let images: String
    /// A finished run with checkpoints of its steps 5 and 6.
    let run: String

    init() throws {
        scratch = try Scratch()
        images = try ImageFolder.make(in: scratch)
        run = scratch.path("run")
        try scratch.train("run", data: images, steps: 6)
    }

    private func succeed(_ arguments: [String]) throws -> MurmurProcess.Ending {
        let ending = try scratch.run(arguments)
        try #require(ending.code == 0, "\(ending)")
        return ending
    }

    private func embed(split: String, threads: Int) throws -> SafeTensorsFile {
        let path = scratch.path("\(split)-\(threads).safetensors")
        _ = try succeed(
            [
                "embed", "--checkpoint", run, "--data", images, "--split", split, "--threads", "\(threads)", "--out",
                path,
            ])
        return try SafeTensorsFile(path: path)
    }

    @Test func areOneRowAnImageWithItsLabelAndPath() throws {
        for (split, count) in [("train", 60), ("test", 15), ("all", 75)] {
            let file = try embed(split: split, threads: 1)
            let features = try file.record(named: "features")
            // The last stage's 512 channels at width 0.0625.
            #expect(features.shape == [count, 32])
            let values = try #require(features.floats)
            #expect(values.allSatisfy(\.isFinite) && Set(values).count > count)
            let labels = try file.record(named: "labels")
            #expect(labels.shape == [count])
            let paths = try JSONDecoder().decode([String].self, from: Data(#require(file.metadata["paths"]).utf8))
            #expect(Set(paths).count == count)
            let classes = try paths.map { path in
                let folder = try #require(path.split(separator: "/").dropLast().last)
                return try Int64(#require(ImageFolder.classes.firstIndex(of: String(folder))))
            }
            #expect(labels.integers == classes)
            #expect(split == "all" || paths.allSatisfy { $0.contains("\(split)/") }, "\(paths)")
        }
    }

    @Test func doNotDependOnTheNumberOfThreads() throws {
        let one = try embed(split: "all", threads: 1)
        let two = try embed(split: "all", threads: 2)
        #expect(one.metadata == two.metadata)
        #expect(try one.record(named: "labels") == two.record(named: "labels"))
        let pairs = try zip(
            #require(one.record(named: "features").floats), #require(two.record(named: "features").floats))
        #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($0)) })
    }

    @Test func comeFromABackboneThatIsExportedUnderTorchvisionsNames() throws {
        let path = scratch.path("backbone.safetensors")
        _ = try succeed(["export", "--checkpoint", run, "--out", path])
        let exported = try SafeTensorsFile(path: path).tensors
        let manifest = try CheckpointStore.open(run).location.manifest
        let backbone = manifest.tensors.filter { $0.file == "backbone.safetensors" }.map(\.specification)
        #expect(exported == backbone)
        #expect(Set(exported.map(\.name)) == Self.resnet18Names)
        #expect(exported.count == Self.resnet18Names.count)
        #expect(exported.allSatisfy { ($0.type == .int64) == $0.name.hasSuffix("num_batches_tracked") })
    }

    /// The names of torchvision's `resnet18` without `fc`, which an encoder does not have.
    private static let resnet18Names: Set<String> = {
        func norm(_ name: String) -> [String] {
            ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map { "\(name).\($0)" }
        }
        var names = ["conv1.weight"] + norm("bn1")
        for stage in 1...4 {
            for block in 0...1 {
                let prefix = "layer\(stage).\(block)"
                for index in 1...2 { names += ["\(prefix).conv\(index).weight"] + norm("\(prefix).bn\(index)") }
                if stage > 1, block == 0 {
                    names += ["\(prefix).downsample.0.weight"] + norm("\(prefix).downsample.1")
                }
            }
        }
        return Set(names)
    }()

    @Test func haveAHashThatOnlyAStepChanges() throws {
        func hash(_ path: String) throws -> String { try succeed(["hash", path]).lastLine }
        let newest = try hash(run)
        #expect(newest.wholeMatch(of: #/[0-9a-f]{64}/#) != nil, "\(newest)")
        #expect(try hash(run) == newest)
        #expect(try hash(run + "/checkpoints/step-000006") == newest)
        try FileManager.default.copyItem(atPath: run + "/checkpoints/step-000006", toPath: scratch.path("step-000006"))
        #expect(try hash(scratch.path("step-000006")) == newest)
        #expect(try hash(run + "/checkpoints/step-000005") != newest)
    }

    /// What `eval knn --json` prints.
    private struct Table: Decodable {
        struct Row: Decodable {
            let features: String
            let top1: [Double]
        }
        let k: [Int]
        let rows: [Row]
        let bankImages: Int
        let queryImages: Int
    }

    @Test func areComparedWithTheUntrainedEncoderAndRawPixels() throws {
        let arguments = ["eval", "knn", "--checkpoint", run, "--data", images, "--threads", "1"]
        let json = try succeed(arguments + ["--json"]).output
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let table = try decoder.decode(Table.self, from: Data(json.utf8))
        #expect(table.rows.map(\.features) == ["trained encoder", "untrained encoder", "raw pixels"])
        #expect(table.k == [10, 20, 100, 200])
        #expect(table.rows.allSatisfy { $0.top1.count == 4 && $0.top1.allSatisfy((0...1).contains) })
        #expect(table.bankImages == 60 && table.queryImages == 15)

        let closing = try succeed(arguments).lastLine
        let form = #/kNN top-1: ([0-9.]+)% \(untrained encoder ([0-9.]+)%, raw pixels ([0-9.]+)%\)/#
        let match = try #require(closing.wholeMatch(of: form), "\(closing)").output
        let percentages = [match.1, match.2, match.3].compactMap { Double($0) }
        for (percentage, row) in zip(percentages, table.rows) {
            #expect(abs(percentage - 100 * row.top1[3]) <= 0.005, "\(closing)")
        }
    }

    @Test func canBeSeenAsNeighbours() throws {
        let picture = scratch.path("neighbours.png")
        _ = try succeed(
            ["eval", "knn", "--checkpoint", run, "--data", images, "--k", "5", "--neighbours", picture])
        let sheets = scratch.path("sheets")
        try FileManager.default.createDirectory(atPath: sheets, withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: picture, toPath: sheets + "/neighbours.png")
        let image = try ImageDatasets.open(sheets, split: .all).image(at: 0)
        #expect(image.width > 10 * 16 && image.height > 10 * 16)
        #expect(Set(image.pixels).count > 10, "a picture, not a blank sheet")
    }
}
