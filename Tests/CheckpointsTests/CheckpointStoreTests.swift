import Checkpoints
import Foundation
import Testing

@Suite("The checkpoint store")
struct CheckpointStoreTests {
    let scratch: Scratch
    var store: CheckpointStore { CheckpointStore(directory: "\(scratch.path)/run/checkpoints/") }

    init() throws { scratch = try Scratch() }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: store.directory).sorted()
    }

    @Test func givesBackWhatWasSaved() throws {
        let contents = CheckpointContents.sample(step: 123, seed: 1)
        #expect(try store.latest().location == nil)
        let saved = try store.save(contents, keep: 3)
        #expect(saved.path == "\(scratch.path)/run/checkpoints/step-000123")
        #expect(saved.warnings.isEmpty)
        let files = try FileManager.default.contentsOfDirectory(atPath: saved.path).sorted()
        #expect(files == ["backbone.safetensors", "heads.safetensors", "manifest.json", "state.safetensors"])
        let latest = try store.latest()
        let location = try #require(latest.location)
        #expect(location.step == 123)
        #expect(latest.warnings.isEmpty)
        #expect(try CheckpointStore.load(location) == contents)
        #expect(try CheckpointStore.load(location, groups: ["heads"]).groups == ["heads": contents.groups["heads"]])
        #expect(throws: CheckpointError.self) { try CheckpointStore.load(location, groups: ["none"]) }
        #expect(location.manifest.configurationDigest == Digest.hex(of: contents.configuration))
    }

    @Test func theManifestIsJSONWhoseIndexFindsEachTensor() throws {
        let contents = CheckpointContents.sample(step: 7, seed: 2)
        let saved = try store.save(contents, keep: 0).path
        let data = Data(try Scratch.bytes(of: "\(saved)/manifest.json"))
        let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(json["step"] as? Int == 7)
        #expect(json["run_id"] as? String == "run-2")
        #expect(json["configuration"] as? String == contents.configuration)
        for entry in try #require(json["tensors"] as? [[String: Any]]) {
            let name = try #require(entry["name"] as? String)
            let file = try #require(entry["file"] as? String)
            let record = try #require(
                contents.groups[file.replacingOccurrences(of: ".safetensors", with: "")]?.first { $0.name == name })
            let offset = try #require(entry["offset"] as? Int)
            let bytes = try Scratch.bytes(of: "\(saved)/\(file)")
            #expect(Array(bytes[offset..<offset + record.bytes.count]) == record.bytes)
        }
    }

    @Test(arguments: [1, 2, 3, 0])
    func keepsTheLastOnes(keep: Int) throws {
        for step in 1...5 { try store.save(.sample(step: step * 10, seed: 1), keep: keep) }
        let expected = ["step-000010", "step-000020", "step-000030", "step-000040", "step-000050"]
        #expect(try names() == expected.suffix(keep == 0 ? 5 : keep))
    }

    @Test func countsStepsAsNumbers() throws {
        for step in [999_999, 1_000_000] { try store.save(.sample(step: step, seed: 1), keep: 0) }
        #expect(try names() == ["step-1000000", "step-999999"])
        #expect(try store.latest().location?.step == 1_000_000)
    }

    @Test func skipsDamagedNewerOnesAndSaysSo() throws {
        for step in 1...3 { try store.save(.sample(step: step, seed: 1), keep: 0) }
        try Scratch.flipBit(1500, of: "\(store.directory)/step-000003/state.safetensors")
        try FileManager.default.removeItem(atPath: "\(store.directory)/step-000002/heads.safetensors")
        let (location, warnings) = try store.latest()
        #expect(location?.step == 1)
        try #require(warnings.count == 2)
        #expect(warnings[0].contains("step-000003/state.safetensors: its hash"))
        #expect(warnings[1].contains("step-000002/heads.safetensors: cannot open: No such file"))
    }

    @Test func doesNotTakeALostRunForANewOne() throws {
        let saved = try store.save(.sample(step: 1, seed: 1), keep: 0).path
        try FileManager.default.removeItem(atPath: "\(saved)/manifest.json")
        let error = #expect(throws: CheckpointError.self) { try store.latest() }
        #expect(error?.code == .damaged)
    }

    @Test func doesNotLetADamagedLaterOnePushOutANewOne() throws {
        for step in [100, 200, 300] { try store.save(.sample(step: step, seed: 1), keep: 0) }
        for step in [200, 300] {
            try Scratch.flipBit(9, of: "\(store.directory)/step-000\(step)/backbone.safetensors")
        }
        try store.save(.sample(step: 150, seed: 1), keep: 1)
        #expect(try names() == ["step-000150", "step-000200", "step-000300"])
        #expect(try store.latest().location?.step == 150)
        try store.save(.sample(step: 250, seed: 1), keep: 1)
        #expect(try store.latest().location?.step == 250)
    }

    @Test func replacesACheckpointOfTheSameStep() throws {
        try store.save(.sample(step: 5, seed: 1), keep: 2)
        let newer = CheckpointContents.sample(step: 5, seed: 2)
        #expect(try store.save(newer, keep: 2).warnings.isEmpty)
        #expect(try names() == ["step-000005"])
        #expect(try CheckpointStore.contents(of: store.directory) == newer)
    }

    @Test func replacesADamagedOneBesideTheOneThatItWasToReplace() throws {
        let saved = try store.save(.sample(step: 5, seed: 1), keep: 2).path
        try FileManager.default.copyItem(atPath: saved, toPath: saved + ".replaced")
        try Data().write(to: URL(fileURLWithPath: saved + "/manifest.json"))
        #expect(try store.latest().location?.path == saved + ".replaced")
        let newer = CheckpointContents.sample(step: 5, seed: 2)
        try store.save(newer, keep: 2)
        #expect(try names() == ["step-000005"])
        #expect(try CheckpointStore.contents(of: store.directory) == newer)
    }

    @Test func cleansUpWhatAnInterruptedSaveLeft() throws {
        try store.save(.sample(step: 1, seed: 1), keep: 0)
        let leftover = "\(store.directory)/.partial-step-000002/deep"
        try FileManager.default.createDirectory(atPath: leftover, withIntermediateDirectories: true)
        try Data([1]).write(to: URL(fileURLWithPath: leftover + "/state.safetensors"))
        #expect(try store.latest().location?.step == 1)
        try store.save(.sample(step: 3, seed: 1), keep: 0)
        #expect(try names() == ["step-000001", "step-000003"])
    }

    @Test func leavesOtherFilesAlone() throws {
        try store.save(.sample(step: 1, seed: 1), keep: 1)
        for name in ["notes.txt", "step-12", "step-000001x", "step-best"] {
            try Data([1]).write(to: URL(fileURLWithPath: "\(store.directory)/\(name)"))
        }
        try store.save(.sample(step: 2, seed: 1), keep: 1)
        #expect(try names() == ["notes.txt", "step-000001x", "step-000002", "step-12", "step-best"])
        #expect(try store.latest().location?.step == 2)
    }

    @Test func opensTheThreeKindsOfPath() throws {
        let first = try store.save(.sample(step: 1, seed: 1), keep: 0).path
        try store.save(.sample(step: 2, seed: 1), keep: 0)
        #expect(try CheckpointStore.contents(of: first).step == 1)
        #expect(try CheckpointStore.contents(of: first + "/").step == 1)
        #expect(try CheckpointStore.contents(of: store.directory).step == 2)
        #expect(try CheckpointStore.contents(of: "\(scratch.path)/run").step == 2)
        let copy = "\(scratch.path)/the best one"
        try FileManager.default.copyItem(atPath: first, toPath: copy)
        #expect(try CheckpointStore.contents(of: copy).step == 1)
        for path in ["\(scratch.path)/none", "\(first)/heads.safetensors", scratch.path] {
            let error = #expect(throws: CheckpointError.self) { try CheckpointStore.open(path) }
            #expect(error?.code == .notFound, "\(path)")
        }
    }

    @Test func refusesARenamedStepAndAnotherVersion() throws {
        let saved = try store.save(.sample(step: 1, seed: 1), keep: 0).path
        try FileManager.default.moveItem(atPath: saved, toPath: "\(store.directory)/step-000009")
        let error = #expect(throws: CheckpointError.self) { try store.latest() }
        #expect(error?.cause.contains("renamed") ?? false)
    }

    @Test func refusesContentsThatAreNoCheckpoint() throws {
        var contents = CheckpointContents.sample(step: 1, seed: 1)
        contents.groups["../escape"] = []
        #expect(throws: CheckpointError.self) { try store.save(contents, keep: 0) }
        contents.groups = ["heads": [TensorRecord(name: "a", shape: [], floats: [1])]]
        contents.groups["heads"]? += [TensorRecord(name: "a", shape: [], floats: [2])]
        let error = #expect(throws: CheckpointError.self) { try store.save(contents, keep: 0) }
        #expect(error?.code == .invalid)
        #expect(try names().isEmpty)
        contents.step = -1
        #expect(throws: CheckpointError.self) { try store.save(contents, keep: 0) }
    }
}
