import CZeroMQ
import Glibc
import Synchronization

/// Counts the buffers that libzmq still reads from, over all of a link's sends.
final class NetworkLinkLedger: Sendable {
    private let outstanding = Atomic<Int>(0)
    private let hasWaiter = Atomic<Bool>(false)
    private let waker: Waker

    init() throws {
        waker = try Waker()
    }

    /// Becomes readable when the last buffer is free while someone waits.
    var fileDescriptor: Int32 { waker.fileDescriptor }

    /// Whether all buffers are free again. After false the descriptor tells when it is worth asking again.
    func isClear() -> Bool {
        if outstanding.load(ordering: .acquiring) == 0 {
            hasWaiter.store(false, ordering: .relaxed)
            return true
        }
        _ = waker.take()
        // The waiter announces itself, then looks again; the last release counts down, then looks for a waiter: one of
        // them sees the other.
        hasWaiter.store(true, ordering: .sequentiallyConsistent)
        guard outstanding.load(ordering: .sequentiallyConsistent) == 0 else { return false }
        hasWaiter.store(false, ordering: .sequentiallyConsistent)
        return true
    }

    /// Makes `message` refer to `bytes` without a copy; they are counted until libzmq lets go of them.
    func lend(_ bytes: UnsafeRawBufferPointer, to message: inout zmq_msg_t) throws {
        outstanding.add(1, ordering: .relaxed)
        let ledger = Unmanaged.passRetained(self)
        let status = zmq_msg_init_data(
            &message, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count,
            { _, hint in
                // Called on whichever thread libzmq lets go of the buffer.
                Unmanaged<NetworkLinkLedger>.fromOpaque(hint!).takeRetainedValue().release()
            }, ledger.toOpaque())
        guard status == 0 else {
            let error = TransportError.last("send")
            ledger.takeRetainedValue().release()
            throw error
        }
    }

    private func release() {
        let left = outstanding.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0, hasWaiter.load(ordering: .sequentiallyConsistent) { waker.wake() }
    }
}
