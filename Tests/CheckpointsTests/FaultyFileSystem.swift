import Checkpoints
import Foundation
import Randomness

/// A file system that fails at a chosen operation, and then can lose what was never synced as a power cut would.
///
/// It writes real files, but remembers which contents and which names have been synced. `losePower` cuts unsynced
/// contents at a random length and takes back the last of each directory's unsynced changes of names. Removed files are
/// kept aside so that their removal can be taken back too.
///
/// `@unchecked Sendable`: one thread uses it at a time, that of the test.
final class FaultyFileSystem: FileSystem, @unchecked Sendable {
    enum Fault {
        case none
        /// This one operation fails; a write that fails has written a half.
        case fails(at: Int)
        /// This operation and all after it fail, as if the process were gone.
        case crashes(at: Int)
    }

    private struct NameChange {
        enum Kind {
            case created(String)
            case renamed(from: String, to: String)
            /// Its file lies at `grave` now.
            case removed(String, grave: String)
        }

        /// The directory's path now, which follows its own renames.
        var directory: String
        let kind: Kind
    }

    private let fault: Fault
    private let graveyard: String
    private(set) var operations = 0
    private var unsyncedFiles: Set<String> = []
    private var unsyncedNames: [NameChange] = []
    private let files = FileManager.default

    /// - Parameter graveyard: a directory on the same disk for what is removed.
    init(_ fault: Fault, graveyard: String) throws {
        self.fault = fault
        self.graveyard = graveyard
        try files.createDirectory(atPath: graveyard, withIntermediateDirectories: true)
    }

    /// Whether the fault has come.
    var hasFailed: Bool {
        switch fault {
        case .none: false
        case .fails(let at), .crashes(let at): operations >= at
        }
    }

    fileprivate func step(_ path: String) throws {
        operations += 1
        let fails =
            switch fault {
            case .none: false
            case .fails(let at): operations == at
            case .crashes(let at): operations >= at
            }
        if fails { throw CheckpointError(.system(errno: ENOSPC), path: path, cause: "the disk is full (injected)") }
    }

    private func parent(_ path: String) -> String { (path as NSString).deletingLastPathComponent }

    private func name(_ path: String) -> String { (path as NSString).lastPathComponent }

    private func changed(_ path: String, _ kind: NameChange.Kind) {
        unsyncedNames.append(NameChange(directory: parent(path), kind: kind))
    }

    /// Lets what is known of a directory and all below it follow its renaming.
    private func moved(_ path: String, to destination: String) {
        func now(_ old: String) -> String {
            old == path || old.hasPrefix(path + "/") ? destination + old.dropFirst(path.count) : old
        }
        for index in unsyncedNames.indices { unsyncedNames[index].directory = now(unsyncedNames[index].directory) }
        unsyncedFiles = Set(unsyncedFiles.map(now))
    }

    func createDirectory(_ path: String) throws {
        try step(path)
        try files.createDirectory(atPath: path, withIntermediateDirectories: false)
        changed(path, .created(name(path)))
    }

    func createFile(_ path: String) throws -> any FileSink {
        try step(path)
        _ = files.createFile(atPath: path, contents: nil)
        unsyncedFiles.insert(path)
        changed(path, .created(name(path)))
        return try Sink(path: path, fileSystem: self)
    }

    func syncDirectory(_ path: String) throws {
        try step(path)
        unsyncedNames.removeAll { $0.directory == path }
    }

    func rename(_ path: String, to destination: String) throws {
        try step(path)
        guard Glibc.rename(path, destination) == 0 else {
            throw CheckpointError(.system(errno: errno), path: path, cause: "cannot rename to \(destination)")
        }
        moved(path, to: destination)
        changed(path, .renamed(from: name(path), to: name(destination)))
    }

    func remove(_ path: String) throws {
        try step(path)
        let grave = "\(graveyard)/\(operations)"
        try files.moveItem(atPath: path, toPath: grave)
        changed(path, .removed(name(path), grave: grave))
    }

    fileprivate func synced(_ path: String) { unsyncedFiles.remove(path) }

    /// Leaves on disk what a power cut might, chosen by `random`.
    func losePower(_ random: inout Philox) throws {
        for path in unsyncedFiles.sorted() where files.fileExists(atPath: path) {
            let size = try Scratch.bytes(of: path).count
            truncate(path, Int.random(in: 0...size, using: &random))
        }
        var lost: [Int] = []
        for directory in Set(unsyncedNames.map(\.directory)).sorted() {
            let changes = unsyncedNames.indices.filter { unsyncedNames[$0].directory == directory }
            lost += changes.suffix(Int.random(in: 0...changes.count, using: &random))
        }
        for index in lost.sorted(by: >) {
            // What happened in a directory whose own removal has reached the disk cannot come back.
            guard files.fileExists(atPath: unsyncedNames[index].directory) else { continue }
            try undo(unsyncedNames[index])
        }
        unsyncedNames = []
    }

    private func undo(_ change: NameChange) throws {
        switch change.kind {
        case .created(let name):
            try files.removeItem(atPath: "\(change.directory)/\(name)")
        case .removed(let name, let grave):
            try files.moveItem(atPath: grave, toPath: "\(change.directory)/\(name)")
        case .renamed(let old, let new):
            try files.moveItem(atPath: "\(change.directory)/\(new)", toPath: "\(change.directory)/\(old)")
            moved("\(change.directory)/\(new)", to: "\(change.directory)/\(old)")
        }
    }

    private final class Sink: FileSink {
        private let path: String
        private let fileSystem: FaultyFileSystem
        private let handle: FileHandle

        init(path: String, fileSystem: FaultyFileSystem) throws {
            self.path = path
            self.fileSystem = fileSystem
            handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws {
            do {
                try fileSystem.step(path)
            } catch {
                try handle.write(contentsOf: Data(bytes.prefix(bytes.count / 2)))
                throw error
            }
            try handle.write(contentsOf: Data(bytes))
        }

        func finish() throws {
            try fileSystem.step(path)
            try handle.close()
            fileSystem.synced(path)
        }

        func abandon() { try? handle.close() }
    }
}
