/// The writing side of a file system, as far as saving a checkpoint needs it.
///
/// The seam at which tests make the n-th operation fail, or stop a save in the middle as a crash would. Every method
/// throws `CheckpointError` with the path and the system's reason.
package protocol FileSystem: Sendable {
    /// Creates a directory; one that exists already is fine.
    func createDirectory(_ path: String) throws
    /// Creates an empty file, or empties an existing one.
    func createFile(_ path: String) throws -> any FileSink
    /// Makes the names in a directory durable.
    func syncDirectory(_ path: String) throws
    /// Renames a file or directory within one file system; an existing file is replaced.
    func rename(_ path: String, to destination: String) throws
    /// Removes a file or an empty directory.
    func remove(_ path: String) throws
}

/// A file open for writing.
package protocol FileSink: AnyObject {
    /// Appends all of `bytes`.
    func write(_ bytes: UnsafeRawBufferPointer) throws
    /// Makes what was written durable and closes the file.
    func finish() throws
    /// Closes the file and leaves its fate open; does nothing after `finish`.
    func abandon()
}

extension FileSystem {
    /// Removes a file or a directory with all below it. What is absent is fine.
    func removeTree(_ path: String) throws {
        switch FileStatus.kind(of: path) {
        case .absent: return
        case .directory:
            for name in try FileStatus.entries(of: path) { try removeTree("\(path)/\(name)") }
            try remove(path)
        case .file: try remove(path)
        }
    }

    /// Creates a directory and those above it, and makes each new name durable.
    func createDirectories(_ path: String) throws {
        guard FileStatus.kind(of: path) != .directory else { return }
        let parent = FileStatus.parent(of: path)
        if parent != path { try createDirectories(parent) }
        try createDirectory(path)
        try syncDirectory(parent)
    }
}
