import Checkpoints
import Foundation
import Testing

/// A file system of a given size, in memory.
private final class SmallDisk {
    let path: String
    private let scratch: Scratch

    init?(bytes: Int) throws {
        scratch = try Scratch()
        path = scratch.path
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else { return nil }
    }

    deinit { umount(path) }

    /// Mounting takes root, and in some containers even root may not.
    static let isPossible = (try? SmallDisk(bytes: 4096)) ?? nil != nil
}

@Suite("A full disk", .enabled(if: SmallDisk.isPossible, "mounting a small tmpfs takes root"))
struct DiskFullTests {
    @Test func isNamedAndLeavesTheLastCheckpoint() throws {
        let disk = try #require(try SmallDisk(bytes: 400_000))
        let store = CheckpointStore(directory: disk.path + "/checkpoints")
        let first = CheckpointContents.sample(step: 1, seed: 1, values: 10_000)
        try store.save(first, keep: 1)
        let error = #expect(throws: CheckpointError.self) {
            try store.save(.sample(step: 2, seed: 2, values: 20_000), keep: 1)
        }
        #expect(error?.code == .system(errno: ENOSPC))
        let text = try #require(error).description
        #expect(text.hasSuffix(".safetensors: cannot write: the disk is full"), "\(text)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.directory) == ["step-000001"])
        #expect(try CheckpointStore.contents(of: store.directory) == first)

        let second = CheckpointContents.sample(step: 2, seed: 2, values: 5000)
        try store.save(second, keep: 1)
        #expect(try CheckpointStore.contents(of: store.directory) == second)
    }

    @Test func leavesNoPartOfAnExportedFile() throws {
        let disk = try #require(try SmallDisk(bytes: 100_000))
        let bytes = [UInt8](repeating: 1, count: 200_000)
        let tensor = TensorRecord(name: "x", type: .uint8, shape: [200_000], bytes: bytes)
        #expect(throws: CheckpointError.self) { try SafeTensors.write([tensor], to: disk.path + "/out.safetensors") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)
    }
}
