import Glibc

/// The visible files under a folder, found once; contents are read from disk at each call.
struct DirectoryTree: FileTree {
    let root: String
    let paths: [String]

    /// Lists the folder and everything below it. Links are followed; a link to a folder that encloses it is not.
    ///
    /// - Throws: `DatasetError.unreadable`.
    init(root: String) throws {
        self.root = root
        var found: [String] = []
        var enclosing: [FolderIdentity] = []
        try Self.list(root, prefix: "", into: &found, enclosing: &enclosing)
        paths = found.sorted(by: TreePath.precedes)
    }

    func withBytes<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let path = root + "/" + paths[index]
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw ImageError(name: paths[index], cause: SystemFailure.latest) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw ImageError(name: paths[index], cause: SystemFailure.latest) }
        let size = Int(status.st_size)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 16)
        defer { bytes.deallocate() }
        var filled = 0
        while filled < size {
            let got = read(file, bytes.baseAddress! + filled, size - filled)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw ImageError(name: paths[index], cause: SystemFailure.latest) }
            if got == 0 { break }
            filled += got
        }
        return try body(UnsafeRawBufferPointer(rebasing: bytes[0..<filled]))
    }

    private struct FolderIdentity: Equatable {
        let device: UInt
        let inode: UInt
    }

    private static func list(
        _ folder: String, prefix: String, into found: inout [String], enclosing: inout [FolderIdentity]
    ) throws {
        var status = stat()
        guard stat(folder, &status) == 0, let stream = opendir(folder) else {
            throw DatasetError.unreadable(path: folder, cause: SystemFailure.latest)
        }
        defer { closedir(stream) }
        let identity = FolderIdentity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
        guard !enclosing.contains(identity) else { return }
        enclosing.append(identity)
        defer { enclosing.removeLast() }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            let path = folder + "/" + name
            switch kind(of: path, hint: entry.pointee.d_type) {
            case .folder: try list(path, prefix: prefix + name + "/", into: &found, enclosing: &enclosing)
            case .file: found.append(prefix + name)
            case .other: continue
            }
        }
    }

    private enum Kind { case folder, file, other }

    private static func kind(of path: String, hint: UInt8) -> Kind {
        switch Int(hint) {
        case Int(DT_DIR): return .folder
        case Int(DT_REG): return .file
        case Int(DT_LNK), Int(DT_UNKNOWN):
            var status = stat()
            guard stat(path, &status) == 0 else { return .other }
            return switch status.st_mode & S_IFMT {
            case S_IFDIR: .folder
            case S_IFREG: .file
            default: .other
            }
        default: return .other
        }
    }
}

enum SystemFailure {
    /// The system's words for the error of the call that has just failed.
    static var latest: String {
        String(cString: strerror(errno))
    }
}
