import Synchronization

/// Ends a generation's collectives from another thread: every wait of its link throws `CollectiveError.aborted`.
///
/// One for each generation; it cannot be taken back.
public final class AbortSignal: Sendable {
    private let waker: Waker
    private let fired = Atomic<Bool>(false)
    private let firstReason = Mutex<String?>(nil)

    /// - Throws: `TransportError` if there are no file descriptors left.
    public init() throws {
        waker = try Waker()
    }

    /// Becomes readable when fired, and stays so: nobody takes the wake back.
    var fileDescriptor: Int32 { waker.fileDescriptor }

    /// Any thread may call it, any number of times; the first reason is the one that is told.
    ///
    /// - Returns: whether this was the first.
    @discardableResult
    public func fire(_ reason: String) -> Bool {
        let isFirst = firstReason.withLock { known in
            if known != nil { return false }
            known = reason
            return true
        }
        guard isFirst else { return false }
        fired.store(true, ordering: .releasing)
        waker.wake()
        return true
    }

    /// Why it was fired; nil if it was not.
    public var reason: String? {
        fired.load(ordering: .acquiring) ? firstReason.withLock { $0 } : nil
    }
}
