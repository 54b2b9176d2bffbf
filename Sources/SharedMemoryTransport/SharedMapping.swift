import CSharedMemory
import Glibc

/// Shared memory of this host: a descriptor and its mapping into this process.
///
/// `@unchecked Sendable`: the fields do not change; who writes what in the memory is for its users to say.
final class SharedMapping: @unchecked Sendable {
    let descriptor: Int32
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    /// Makes fresh memory, all zero. Pages take up room only once they are written.
    ///
    /// - Throws: `SharedMemoryError`.
    init(bytes: Int) throws {
        descriptor = shared_memory_create(UInt64(bytes))
        guard descriptor >= 0 else { throw SharedMemoryError.last("make \(bytes) bytes of shared memory") }
        byteCount = bytes
        do {
            base = try Self.map(descriptor, bytes)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Maps the memory behind another process' descriptor.
    ///
    /// - Throws: `SharedMemoryError`, also where the descriptor is no longer the memory that was meant.
    init(of address: SharedMemoryAddress) throws {
        let path = "/proc/\(address.pid)/fd/\(address.descriptor)"
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw SharedMemoryError.last("open \(path)") }
        do {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw SharedMemoryError.last("look at \(path)") }
            guard UInt64(status.st_ino) == address.inode, UInt64(clamping: status.st_size) == address.byteCount,
                address.byteCount > 0, shared_memory_is_sealed(descriptor) != 0
            else {
                throw SharedMemoryError(action: "open \(path)", cause: "it is other memory than was announced")
            }
            byteCount = Int(clamping: address.byteCount)
            base = try Self.map(descriptor, byteCount)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    deinit {
        munmap(base, byteCount)
        Glibc.close(descriptor)
    }

    /// Where others find it.
    func address() throws -> SharedMemoryAddress {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SharedMemoryError.last("look at shared memory") }
        return SharedMemoryAddress(
            pid: getpid(), descriptor: descriptor, inode: UInt64(status.st_ino), byteCount: UInt64(byteCount))
    }

    private static func map(_ descriptor: Int32, _ bytes: Int) throws -> UnsafeMutableRawPointer {
        let base = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
        guard let base, base != MAP_FAILED else { throw SharedMemoryError.last("map \(bytes) bytes of shared memory") }
        return base
    }
}

/// Where the processes of a host find memory of one of them.
struct SharedMemoryAddress: BitwiseCopyable, Equatable {
    var pid: Int32
    var descriptor: Int32
    var inode: UInt64
    var byteCount: UInt64
}

/// Memory cannot be shared: what was tried and why it failed.
public struct SharedMemoryError: Error, CustomStringConvertible, Sendable {
    public let action: String
    public let cause: String

    static func last(_ action: String) -> SharedMemoryError {
        SharedMemoryError(action: action, cause: String(cString: strerror(errno)))
    }

    public var description: String { "cannot \(action): \(cause)" }
}
