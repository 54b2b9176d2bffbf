import Foundation
import Testing

@Suite(
    "A full disk", .enabled(if: TemporaryDisk.isAllowed, "a disk of limited size needs root and the right to mount"),
    .serialized)
struct DiskFullTests {
    let scratch: Scratch
    let images: String

    init() throws {
        scratch = try Scratch()
        images = try ImageFolder.make(in: scratch)
    }

    /// Exit code 4, one line that says what could not be written and why, and a last good checkpoint that is whole.
    private func expectOrderlyEnd(_ ending: MurmurProcess.Ending, naming path: String) throws {
        #expect(ending.code == 4, "\(ending)")
        let lines = ending.error.split(separator: "\n")
        let last = try #require(lines.last)
        #expect(last.contains(path), "\(ending)")
        #expect(last.contains("disk is full") || last.contains("No space left"), "\(ending)")
        #expect(!ending.error.contains("Fatal error"), "\(ending)")
    }

    @Test func endsTheRunWhereACheckpointDoesNotFitAndKeepsTheLastGoodOne() throws {
        // A constant rate, so that the length of the run does not matter to its beginning.
        let often = ["checkpoint.every_steps=2", "checkpoint.keep=0", "schedule.name=constant"]
        // Without a limit, to learn how large a checkpoint is.
        try scratch.train("roomy", data: images, steps: 4, often)
        let folder = scratch.path("roomy") + "/checkpoints/step-000002"
        let size = try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { sum, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
            return sum + (attributes[.size] as? Int ?? 0)
        }
        let expected = try scratch.run(["hash", folder]).output

        let disk = try TemporaryDisk(at: scratch.path("disk"), bytes: size * 3 / 2 + (64 << 10))
        defer { disk.unmount() }
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 200))
        let ending = try scratch.run(["train", configuration, "--out", disk.path + "/run"] + often, within: 60)
        try expectOrderlyEnd(ending, naming: disk.path + "/run/checkpoints")
        let hash = try scratch.run(["hash", disk.path + "/run"])
        #expect(hash.code == 0 && hash.output == expected, "\(hash)")
    }

    @Test func endsTheRunWhereTheLogDoesNotFit() throws {
        let disk = try TemporaryDisk(at: scratch.path("disk"), bytes: 8 << 20)
        defer { disk.unmount() }
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 5000))
        let process = try scratch.start(
            ["train", configuration, "--out", disk.path + "/run", "checkpoint.every_steps=1000"])
        try process.waitUntil("step 5") { try scratch.log(of: "disk/run").count >= 5 || !process.isRunning }
        try disk.fill()
        let ending = try process.ending(within: 60)
        try expectOrderlyEnd(ending, naming: disk.path + "/run/log.jsonl")
    }
}
