import CZeroMQ
import Glibc

/// What stands before each payload on the data plane: 32 bytes, so that libzmq keeps it inside its message object.
struct DataPortHeader: Equatable {
    enum Kind: UInt32 {
        // The upper bytes are the protocol's mark and version.
        case data = 0x4D44_0101
        /// The sender's link ended in order: what comes to happen to its connections is no loss.
        case goodbye = 0x4D44_0102
    }

    static let byteCount = 32

    var kind: Kind
    var source: Int
    var runID: UInt64
    var generation: UInt64
    /// Counts the messages of one link from `source` to one destination, from 0.
    var sequence: UInt64

    /// Little-endian: kind (4 bytes), source (4), run id (8), generation (8), sequence number (8).
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: kind.rawValue.littleEndian, toByteOffset: 0, as: UInt32.self)
        bytes.storeBytes(of: UInt32(source).littleEndian, toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: runID.littleEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: generation.littleEndian, toByteOffset: 16, as: UInt64.self)
        bytes.storeBytes(of: sequence.littleEndian, toByteOffset: 24, as: UInt64.self)
    }

    /// Nil if the kind is unknown.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount,
            let kind = Kind(rawValue: UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        else { return nil }
        self.kind = kind
        source = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        runID = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        generation = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        sequence = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    }

    init(kind: Kind, source: Int, runID: UInt64, generation: UInt64, sequence: UInt64) {
        self.kind = kind
        self.source = source
        self.runID = runID
        self.generation = generation
        self.sequence = sequence
    }
}

/// A payload as libzmq received it.
final class DataPortPayload {
    let message: UnsafeMutablePointer<zmq_msg_t>

    init() {
        message = .allocate(capacity: 1)
        zmq_msg_init(message)
    }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    /// Valid until `clear` and the next receive.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
    }

    /// Gives the memory back, so that the next message of this size finds it warm.
    func clear() {
        zmq_msg_close(message)
        zmq_msg_init(message)
    }

    /// Whether the sender proved in its connection's handshake that it holds the key with this Z85 text.
    func isFrom(keyText: String) -> Bool {
        // Our authenticator gives the proven key as the user id.
        guard let text = zmq_msg_gets(message, "User-Id") else { return false }
        return strcmp(text, keyText) == 0
    }
}

/// A frame that came before anyone asked for it.
struct DataPortFrame {
    let header: DataPortHeader
    let payload: DataPortPayload
}
