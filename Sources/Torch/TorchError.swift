import CTorch

/// An operation that failed: which one, on what, and why.
public struct TorchError: Error, CustomStringConvertible, Sendable {
    /// The operation's name in this module, for example `matmul`.
    public let operation: String
    /// The inputs, for example `float32 [2, 3]`; `none` where an optional one was left out.
    public let inputs: [String]
    /// The first line of libtorch's explanation, or this module's own.
    public let reason: String

    init(_ operation: String, _ inputs: [Tensor?], reason: String) {
        self.operation = operation
        self.inputs = inputs.map { $0.map { "\($0.scalarType) \($0.shape)" } ?? "none" }
        self.reason = reason
    }

    public var description: String {
        inputs.isEmpty ? "\(operation): \(reason)" : "\(operation)(\(inputs.joined(separator: ", "))): \(reason)"
    }
}

/// A Swift error on its way through libtorch.
final class ErrorBox {
    let error: any Error

    init(_ error: any Error) {
        self.error = error
    }

    /// The error as the pointer that a callback returns.
    static func retained(_ error: any Error) -> UnsafeMutableRawPointer {
        Unmanaged.passRetained(ErrorBox(error)).toOpaque()
    }
}

// The one path for calls that can fail. The description is made only then; being captured, `inputs` also keeps the tensors alive
// throughout the call.

/// The tensor whose handle `call` returns.
func checked(
    _ operation: @autoclosure () -> String, _ inputs: @autoclosure () -> [Tensor?], _ call: () -> OpaquePointer?
) throws -> Tensor {
    Tensor(owning: try checkedHandle(operation(), inputs(), call))
}

/// The handle that `call` returns, which then belongs to the caller.
func checkedHandle(
    _ operation: @autoclosure () -> String, _ inputs: @autoclosure () -> [Tensor?], _ call: () -> OpaquePointer?
) throws -> OpaquePointer {
    guard let handle = call() else { throw failure(operation(), inputs()) }
    return handle
}

/// Throws unless `call` returns 0.
func check(
    _ operation: @autoclosure () -> String, _ inputs: @autoclosure () -> [Tensor?], _ call: () -> Int32
) throws {
    guard call() == 0 else { throw failure(operation(), inputs()) }
}

/// The two tensors whose handles `call` writes.
func checkedPair(
    _ operation: @autoclosure () -> String, _ inputs: @autoclosure () -> [Tensor?],
    _ call: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<OpaquePointer?>) -> Int32
) throws -> (Tensor, Tensor) {
    var first: OpaquePointer?
    var second: OpaquePointer?
    guard call(&first, &second) == 0, let first, let second else { throw failure(operation(), inputs()) }
    return (Tensor(owning: first), Tensor(owning: second))
}

/// This thread's latest failure: the Swift error that a closure threw, or libtorch's.
private func failure(_ operation: String, _ inputs: [Tensor?]) -> any Error {
    if let thrown = ct_take_callback_error() {
        return Unmanaged<ErrorBox>.fromOpaque(thrown).takeRetainedValue().error
    }
    return TorchError(operation, inputs, reason: String(cString: ct_last_error()))
}
