import Glibc

/// A file in memory, read-only, for as long as the object lives.
///
/// `@unchecked Sendable`: the mapping is never written and never moves.
final class MappedFile: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    /// - Throws: `DatasetError.unreadable`.
    init(path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw DatasetError.unreadable(path: path, cause: SystemFailure.latest) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw DatasetError.unreadable(path: path, cause: SystemFailure.latest)
        }
        guard status.st_size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let size = Int(status.st_size)
        guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0), start != MAP_FAILED else {
            throw DatasetError.unreadable(path: path, cause: SystemFailure.latest)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }
}
