import CZeroMQ
import Glibc

extension Socket {
    /// Sends one message of one or more frames.
    ///
    /// - Parameter waits: whether to wait for room in the queue (forever if the peer never comes back) or to give up.
    /// - Returns: false if it was not sent because the queue is full or there is no peer (`waits` false only).
    /// - Throws: `TransportError`; code `EHOSTUNREACH` if a router has no such peer. Nothing is sent then.
    @discardableResult
    public func send(_ frames: [[UInt8]], waits: Bool = false) throws -> Bool {
        precondition(!frames.isEmpty, "a message has at least one frame")
        let handle = try openHandle("send")
        for (index, frame) in frames.enumerated() {
            let flags = (waits ? 0 : ZMQ_DONTWAIT) | (index < frames.count - 1 ? ZMQ_SNDMORE : 0)
            let sent = frame.withUnsafeBytes { bytes in
                retryingInterrupts { zmq_send(handle, bytes.baseAddress, bytes.count, flags) }
            }
            if sent < 0 {
                if zmq_errno() == EAGAIN { return false }
                throw TransportError.last("send")
            }
        }
        return true
    }

    /// Sends a message of one frame; see `send(_:waits:)`.
    @discardableResult
    public func send(_ frame: [UInt8], waits: Bool = false) throws -> Bool {
        try send([frame], waits: waits)
    }

    /// The next message, with what the connection says of its sender; nil if there is none yet.
    ///
    /// - Parameter maximumFrames: a message with more frames is read to its end, kept nowhere, and thrown.
    /// - Throws: `TransportError`.
    public func receiveMessage(maximumFrames: Int = 8) throws -> Message? {
        let handle = try openHandle("receive")
        var message = Message()
        var count = 0
        while true {
            var part = zmq_msg_t()
            zmq_msg_init(&part)
            defer { zmq_msg_close(&part) }
            guard retryingInterrupts({ zmq_msg_recv(&part, handle, count == 0 ? ZMQ_DONTWAIT : 0) }) >= 0 else {
                if zmq_errno() == EAGAIN { return nil }
                throw TransportError.last("receive")
            }
            count += 1
            if count <= maximumFrames {
                message.frames.append(
                    [UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&part), count: zmq_msg_size(&part))))
                message.readMetadata(of: &part)
            }
            if zmq_msg_more(&part) == 0 { break }
        }
        guard count <= maximumFrames else {
            throw TransportError(
                "receive a message", message.peerAddress.map { "from \($0)" },
                cause: "it has \(count) frames, more than \(maximumFrames)", code: EMSGSIZE)
        }
        return message
    }

    /// The frames of the next message; nil if there is none yet.
    public func receive() throws -> [[UInt8]]? {
        try receiveMessage()?.frames
    }

    /// Waits for a message for at most `timeoutMilliseconds` (-1: for ever); nil if none came.
    public func receive(timeoutMilliseconds: Int) throws -> [[UInt8]]? {
        if let frames = try receive() { return frames }
        let deadline = Deadline(afterMilliseconds: timeoutMilliseconds)
        while try Poller.wait(for: self, events: .readable, until: deadline) {
            if let frames = try receive() { return frames }
        }
        return nil
    }
}

/// A message as it came in.
public struct Message: Sendable {
    public fileprivate(set) var frames: [[UInt8]] = []
    /// The address that the connection comes from (without its port); nil for inproc and ipc.
    public fileprivate(set) var peerAddress: String?
    /// The key that the sender proved to hold in the handshake; nil where the connection is plain or we are its client.
    public fileprivate(set) var peerKey: CurvePublicKey?

    fileprivate mutating func readMetadata(of part: inout zmq_msg_t) {
        if peerAddress == nil, let text = zmq_msg_gets(&part, "Peer-Address") {
            peerAddress = String(cString: text)
        }
        // Our authenticator gives the proven key as the user id.
        if peerKey == nil, let text = zmq_msg_gets(&part, "User-Id") {
            peerKey = try? CurvePublicKey(z85: String(cString: text))
        }
    }
}
