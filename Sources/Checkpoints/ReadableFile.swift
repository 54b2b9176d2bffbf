import Glibc

/// A regular file open for reading at any offset.
///
/// It reads by `pread` instead of mapping the file: a file that shrinks while it is read, or a disk that fails, then is
/// an error that can be thrown, where a mapping would end the process with SIGBUS. Since tensors are copied out in
/// either case, a mapping would save nothing.
final class ReadableFile: Sendable {
    let path: String
    let byteCount: Int
    private let descriptor: Int32

    init(path: String) throws {
        self.path = path
        // Without O_NONBLOCK a named pipe would keep `open` waiting.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw CheckpointError.system("open", path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = CheckpointError.system("read", path)
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw CheckpointError(.damaged, path: path, cause: "not a regular file")
        }
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills `buffer` from `offset` on.
    ///
    /// - Throws: `CheckpointError`, also if the file ends before.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard let base = buffer.baseAddress else { return }
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, base + done, buffer.count - done, offset + done)
            if count > 0 {
                done += count
            } else if count == 0 {
                throw CheckpointError(.damaged, path: path, cause: "ends after \(offset + done) bytes while being read")
            } else if errno != EINTR {
                throw CheckpointError.system("read", path)
            }
        }
    }

    /// `count` bytes from `offset` on; the range must lie within the file.
    func bytes(at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try read(at: offset, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
            initialized = count
        }
    }

    /// The digest of the whole file, read in pieces.
    func digest() throws -> String {
        var digest = Digest()
        var piece = [UInt8](repeating: 0, count: min(1 << 20, max(1, byteCount)))
        var offset = 0
        while offset < byteCount {
            let count = min(piece.count, byteCount - offset)
            try piece.withUnsafeMutableBytes { raw in
                let part = UnsafeMutableRawBufferPointer(rebasing: raw[..<count])
                try read(at: offset, into: part)
                digest.update(UnsafeRawBufferPointer(part))
            }
            offset += count
        }
        return digest.finish()
    }
}
