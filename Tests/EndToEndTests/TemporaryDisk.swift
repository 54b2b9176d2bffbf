import Foundation
import Glibc

/// A small disk of its own (a tmpfs), mounted in a test's scratch directory; unmounted when the test lets go of it.
final class TemporaryDisk {
    let path: String

    /// - Throws: `MurmurProcess.Problem` where the system does not allow it.
    init(at path: String, bytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
            throw MurmurProcess.Problem(description: "cannot mount a tmpfs: \(String(cString: strerror(errno)))")
        }
    }

    deinit { unmount() }

    /// Takes the disk away with all that is on it, even while a process still has a file open there. Idempotent.
    func unmount() { umount2(path, Int32(MNT_DETACH)) }

    /// Takes all space that is left.
    func fill() throws {
        _ = FileManager.default.createFile(atPath: path + "/filler", contents: nil)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path + "/filler"))
        defer { try? handle.close() }
        let page = Data(count: 4096)
        while (try? handle.write(contentsOf: page)) != nil {}
    }

    /// Whether this process may mount: by trying, since root in a container may not.
    static let isAllowed: Bool = {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("murmur-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        return (try? TemporaryDisk(at: folder.path, bytes: 1 << 16))?.unmount() != nil
    }()
}
