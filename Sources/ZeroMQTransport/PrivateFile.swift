import Glibc

/// Small text files that only their owner may read: keys and tickets.
enum PrivateFile {
    /// - Throws: `TransportError` if it cannot be read, is no ordinary file, is larger than `maximumBytes`, is not
    ///   UTF-8, or others than its owner have any permission on it.
    static func read(_ path: String, operation: String, maximumBytes: Int) throws -> String {
        let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw TransportError.system(operation, path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw TransportError.system(operation, path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TransportError(operation, path, cause: "it is not an ordinary file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw TransportError(
                operation, path,
                cause: "others may read it (mode \(String(status.st_mode & 0o777, radix: 8))); run: chmod 600 \(path)")
        }
        return try readText(descriptor, path: path, operation: operation, maximumBytes: maximumBytes)
    }

    /// Reads an open file whole.
    static func readText(_ descriptor: Int32, path: String, operation: String, maximumBytes: Int) throws -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw TransportError.system(operation, path) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= maximumBytes else {
                throw TransportError(operation, path, cause: "it is larger than \(maximumBytes) bytes")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TransportError(operation, path, cause: "it is not text")
        }
        return text
    }

    /// Writes a file of mode 0600, whole or not at all: under a temporary name first, then linked or renamed.
    ///
    /// - Parameter replaces: whether a file of that name gives way; otherwise it is an error.
    static func write(_ text: String, to path: String, operation: String, replaces: Bool) throws {
        let temporary = "\(path).\(getpid()).partial"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        let descriptor = retryingInterrupts { open(temporary, flags, 0o600) }
        guard descriptor >= 0 else { throw TransportError.system(operation, path) }
        defer { unlink(temporary) }
        do {
            defer { close(descriptor) }
            // A leftover of an earlier process may have another mode.
            guard fchmod(descriptor, 0o600) == 0 else { throw TransportError.system(operation, path) }
            try writeAll(Array(text.utf8), to: descriptor, path: path, operation: operation)
            guard fsync(descriptor) == 0 else { throw TransportError.system(operation, path) }
        }
        // link(2) refuses an existing name, rename(2) replaces it; both are atomic.
        guard (replaces ? rename(temporary, path) : link(temporary, path)) == 0 else {
            throw TransportError.system(operation, path)
        }
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String, operation: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw TransportError.system(operation, path) }
            rest = rest.dropFirst(count)
        }
    }
}
