import Checkpoints
import Foundation

/// A real file system that counts saves, and can hold the first one up or fail.
///
/// `@unchecked Sendable`: everything that changes is used under the condition's lock.
final class WatchedFileSystem: FileSystem, @unchecked Sendable {
    private let system = POSIXFileSystem()
    private let condition = NSCondition()
    private let failingSave: Int?
    private var isHeld: Bool
    private var active = 0
    private var begun = 0
    private var most = 0
    private var ended = 0

    /// - Parameters:
    ///   - holdsFirst: the first save waits for `release`.
    ///   - failingSave: the save, counted from 1, that finds the disk full.
    init(holdsFirst: Bool = false, failingSave: Int? = nil) {
        isHeld = holdsFirst
        self.failingSave = failingSave
    }

    /// Saves that have begun.
    var saves: Int { condition.withLock { begun } }
    /// Saves that were done to the end.
    var completed: Int { condition.withLock { ended } }
    /// The most saves that were in work at the same time.
    var mostAtOnce: Int { condition.withLock { most } }

    func release() {
        condition.withLock {
            isHeld = false
            condition.broadcast()
        }
    }

    private static func isSave(_ path: String) -> Bool {
        URL(fileURLWithPath: path).lastPathComponent.hasPrefix(".partial-step-")
    }

    func createDirectory(_ path: String) throws {
        try system.createDirectory(path)
        guard Self.isSave(path) else { return }
        let fails = condition.withLock {
            begun += 1
            active += 1
            most = max(most, active)
            // Bounded, so that a save that holds training up is a failure and no hang.
            let limit = Date(timeIntervalSinceNow: 20)
            while isHeld, condition.wait(until: limit) {}
            let fails = begun == failingSave
            if fails { active -= 1 }
            return fails
        }
        if fails { throw CheckpointError(.system(errno: ENOSPC), path: path, cause: "the disk is full (injected)") }
    }

    func createFile(_ path: String) throws -> any FileSink { try system.createFile(path) }

    func syncDirectory(_ path: String) throws { try system.syncDirectory(path) }

    func rename(_ path: String, to destination: String) throws {
        try system.rename(path, to: destination)
        guard Self.isSave(path) else { return }
        condition.withLock {
            active -= 1
            ended += 1
        }
    }

    func remove(_ path: String) throws { try system.remove(path) }
}
