import CZeroMQ
import Glibc

extension Socket {
    /// Sets a 32-bit option of libzmq (`ZMQ_…`). Most take effect for later binds and connects only.
    ///
    /// - Throws: `TransportError` with the option's number.
    public func set(_ option: Int32, to value: Int32) throws {
        try withUnsafeBytes(of: value) { try set(option, bytes: $0) }
    }

    /// Sets a 64-bit option of libzmq, such as `ZMQ_MAXMSGSIZE`.
    public func set(_ option: Int32, to value: Int64) throws {
        try withUnsafeBytes(of: value) { try set(option, bytes: $0) }
    }

    /// Sets an option that is a string or bytes, such as `ZMQ_ROUTING_ID`.
    public func set(_ option: Int32, to bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try set(option, bytes: $0) }
    }

    private func set(_ option: Int32, bytes: UnsafeRawBufferPointer) throws {
        let handle = try openHandle("set a socket option")
        guard zmq_setsockopt(handle, option, bytes.baseAddress, bytes.count) == 0 else {
            throw TransportError.last("set socket option \(option)")
        }
    }

    /// Reads a 32-bit option, such as `ZMQ_EVENTS` or `ZMQ_FD`.
    public func value(_ option: Int32) throws -> Int32 {
        let handle = try openHandle("read a socket option")
        var value: Int32 = 0
        var size = MemoryLayout<Int32>.size
        guard retryingInterrupts({ zmq_getsockopt(handle, option, &value, &size) }) == 0 else {
            throw TransportError.last("read socket option \(option)")
        }
        return value
    }

    /// Reads an option that is text, such as `ZMQ_LAST_ENDPOINT`; at most 1 KiB.
    public func string(_ option: Int32) throws -> String {
        let handle = try openHandle("read a socket option")
        return try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
            var size = buffer.count
            guard retryingInterrupts({ zmq_getsockopt(handle, option, buffer.baseAddress, &size) }) == 0 else {
                throw TransportError.last("read socket option \(option)")
            }
            // The size includes the terminating zero; stopping there also serves options without one.
            return String(decoding: buffer.prefix(size).prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }
}
