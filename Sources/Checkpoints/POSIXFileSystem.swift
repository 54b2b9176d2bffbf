import Glibc

/// The file system of the machine.
package struct POSIXFileSystem: FileSystem {
    package init() {}

    package func createDirectory(_ path: String) throws {
        guard mkdir(path, 0o777) == 0 || (errno == EEXIST && FileStatus.kind(of: path) == .directory) else {
            throw CheckpointError.system("create the directory", path)
        }
    }

    package func createFile(_ path: String) throws -> any FileSink {
        try POSIXFileSink(path: path)
    }

    package func syncDirectory(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CheckpointError.system("open the directory", path) }
        defer { close(descriptor) }
        // Some network file systems have nothing to sync for a directory and say EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw CheckpointError.system("sync the directory", path)
        }
    }

    package func rename(_ path: String, to destination: String) throws {
        guard Glibc.rename(path, destination) == 0 else {
            throw CheckpointError.system("rename to \(destination)", path)
        }
    }

    package func remove(_ path: String) throws {
        guard Glibc.remove(path) == 0 || errno == ENOENT else { throw CheckpointError.system("remove", path) }
    }
}

private final class POSIXFileSink: FileSink {
    private let path: String
    private var descriptor: Int32

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw CheckpointError.system("create", path) }
    }

    deinit { abandon() }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard let base = bytes.baseAddress else { return }
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, base + written, bytes.count - written)
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw CheckpointError.system("write", path)
            }
        }
    }

    func finish() throws {
        guard fsync(descriptor) == 0 else {
            let error = CheckpointError.system("sync", path)
            abandon()
            throw error
        }
        let closing = descriptor
        descriptor = -1
        // A network file system may report a failed write only here.
        guard close(closing) == 0 else { throw CheckpointError.system("close", path) }
    }

    func abandon() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
    }
}

/// Questions about paths.
enum FileStatus {
    enum Kind {
        case absent, file, directory
    }

    /// Symbolic links count as what they point to, so that a checkpoint folder may be a link.
    static func kind(of path: String) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else {
            // A dangling link is still a name to remove.
            return lstat(path, &status) == 0 ? .file : .absent
        }
        return status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
    }

    /// The names in a directory, sorted, without `.` and `..`.
    static func entries(of path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw CheckpointError.system("list", path) }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw CheckpointError.system("list", path) }
        return names.sorted()
    }

    /// The directory that holds `path`.
    static func parent(of path: String) -> String {
        let trimmed = trimmingSlashes(path)
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    static func name(of path: String) -> String {
        let trimmed = trimmingSlashes(path)
        return trimmed.lastIndex(of: "/").map { String(trimmed[trimmed.index(after: $0)...]) } ?? trimmed
    }

    static func trimmingSlashes(_ path: String) -> String {
        var trimmed = Substring(path)
        while trimmed.hasSuffix("/"), trimmed.count > 1 { trimmed.removeLast() }
        return String(trimmed)
    }
}

extension CheckpointError {
    /// The failure that `errno` tells of, of doing `operation` on `path`.
    static func system(_ operation: String, _ path: String) -> CheckpointError {
        let number = errno
        let reason =
            switch number {
            case ENOSPC: "the disk is full"
            case EDQUOT: "the disk quota is used up"
            default: String(cString: strerror(number))
            }
        let code: Code = number == ENOENT || number == ENOTDIR ? .notFound : .system(errno: number)
        return CheckpointError(code, path: path, cause: "cannot \(operation): \(reason)")
    }
}
