import CZeroMQ
import Glibc

/// A failed transport operation, told in one line: what was tried, where, why, and what to do.
public struct TransportError: Error, CustomStringConvertible, Equatable, Sendable {
    /// What was tried, as a verb and its object: `bind`, `read the key file`.
    public let operation: String
    /// The endpoint, file or socket it was tried on, if there is one.
    public let place: String?
    /// Why it failed, and where it helps also what to do.
    public let cause: String
    /// The `errno` value behind the failure (libzmq's own ones included); 0 if the refusal is ours.
    public let code: Int32

    public init(_ operation: String, _ place: String? = nil, cause: String, code: Int32 = 0) {
        self.operation = operation
        self.place = place
        self.cause = cause
        self.code = code
    }

    public var description: String {
        guard let place else { return "cannot \(operation): \(cause)" }
        return "cannot \(operation) \(place): \(cause)"
    }

    /// The failure that libzmq reported last on this thread.
    static func last(_ operation: String, _ place: String? = nil) -> TransportError {
        let code = zmq_errno()
        return TransportError(operation, place, cause: String(cString: zmq_strerror(code)), code: code)
    }

    /// The failure that the C library reported last on this thread.
    static func system(_ operation: String, _ place: String? = nil) -> TransportError {
        let code = errno
        return TransportError(operation, place, cause: String(cString: strerror(code)), code: code)
    }
}

/// Repeats a libzmq or system call for as long as a signal interrupts it.
///
/// - Returns: the call's value; negative with `errno` set if it failed for another reason than `EINTR`.
@inline(__always)
func retryingInterrupts(_ call: () -> Int32) -> Int32 {
    while true {
        let value = call()
        if value < 0 && zmq_errno() == EINTR { continue }
        return value
    }
}
