import CZeroMQ
import Glibc
import Synchronization

/// Wakes a thread that waits in a poll. Any thread may call `wake`, at any time, also after the waiter is gone.
///
/// Wakes are not counted: several before the waiter looks are one.
public final class Waker: Sendable {
    /// Becomes readable with a wake.
    let fileDescriptor: Int32
    private let pending = Atomic<Bool>(false)

    /// - Throws: `TransportError` if there are no file descriptors left.
    public init() throws {
        fileDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard fileDescriptor >= 0 else { throw TransportError.system("create a wake-up descriptor") }
    }

    deinit {
        close(fileDescriptor)
    }

    public func wake() {
        guard !pending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // It can fail only when the counter is full, and then the descriptor is readable anyway.
        eventfd_write(fileDescriptor, 1)
    }

    /// Whether there was a wake since the last call; takes it back.
    func take() -> Bool {
        guard pending.load(ordering: .acquiring) else { return false }
        var count: eventfd_t = 0
        // Emptied before the flag falls. A wake in between leaves the descriptor alone, and the exchange, which sees that
        // wake's flag, orders its caller's news before whatever is done next.
        eventfd_read(fileDescriptor, &count)
        _ = pending.exchange(false, ordering: .acquiringAndReleasing)
        return true
    }
}
