import Collectives
import Foundation
import Synchronization
import Testing
import ZeroMQTransport

/// A directory of its own for a test's ipc sockets, removed with the object.
final class NetworkLinkDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "murmur-link-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func endpoint(_ name: String) -> String { "ipc://\(path)/\(name)" }
}

/// Lets threads hand values to each other: each waits until all are there.
///
/// `@unchecked Sendable`: everything is behind the condition's lock.
final class Exchange<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Value?]

    init(count: Int) {
        values = Array(repeating: nil, count: count)
    }

    func put(_ value: Value, at index: Int) {
        condition.withLock {
            values[index] = value
            condition.broadcast()
        }
    }

    func all() -> [Value] {
        condition.withLock {
            while values.contains(where: { $0 == nil }) { condition.wait() }
            return values.compactMap { $0 }
        }
    }

    func callAsFunction(_ value: Value, at index: Int) -> [Value] {
        put(value, at: index)
        return all()
    }
}

/// Something that threads wait for.
final class Gate: Sendable {
    private let exchange = Exchange<Bool>(count: 1)
    func open() { exchange.put(true, at: 0) }
    func wait() { _ = exchange.all() }
}

/// Runs `body` once for each index, each on a thread of its own, and returns what they returned or threw.
func onThreads<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
) -> [Result<Value, any Error>] {
    let results = Exchange<Result<Value, any Error>>(count: count)
    for index in 0..<count {
        Thread { results.put(Result { try body(index) }, at: index) }.start()
    }
    return results.all()
}

/// Runs `body` with a data port for each of `size` ranks, on threads, over plain loopback TCP or ipc.
func withDataPorts<Value: Sendable>(
    _ size: Int, ipc: Bool = false, maximumMessageBytes: Int = 8 << 20,
    _ body: @escaping @Sendable (Int, DataPort, [PeerAddress]) throws -> Value
) throws -> [Result<Value, any Error>] {
    let directory = try NetworkLinkDirectory()
    let addresses = Exchange<PeerAddress?>(count: size)
    return onThreads(size) { rank in
        let port: DataPort
        do {
            port = try DataPort(
                context: try MessagingContext(),
                bind: ipc ? directory.endpoint("rank-\(rank)") : "tcp://127.0.0.1:*", keys: nil,
                maximumMessageBytes: maximumMessageBytes)
        } catch {
            addresses.put(nil, at: rank)
            throw error
        }
        defer { port.close() }
        let peers = addresses(PeerAddress(endpoint: port.endpoint, publicKey: nil), at: rank).compactMap { $0 }
        return try body(rank, port, peers)
    }
}

/// A frame's header as it stands on the wire: five little-endian fields.
func dataHeader(
    kind: UInt32 = 0x4D44_0101, source: UInt32, runID: UInt64 = 1, generation: UInt64 = 1, sequence: UInt64
) -> [UInt8] {
    withUnsafeBytes(of: kind.littleEndian, Array.init) + withUnsafeBytes(of: source.littleEndian, Array.init)
        + withUnsafeBytes(of: runID.littleEndian, Array.init)
        + withUnsafeBytes(of: generation.littleEndian, Array.init)
        + withUnsafeBytes(of: sequence.littleEndian, Array.init)
}

/// A socket that speaks to a data port in whatever form a test likes.
func rawSender(to port: DataPort) throws -> Socket {
    let socket = try Socket(
        .push, context: try MessagingContext(), limits: SocketLimits.data, security: .plain)
    try socket.connect(port.endpoint)
    return socket
}

/// The bytes of the next message from a peer.
func receiveBytes(_ link: NetworkLink, from peer: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try link.receive(from: peer) { bytes = Array($0) }
    return bytes
}

func cause(_ result: Result<some Sendable, any Error>) -> CollectiveError.Cause? {
    guard case .failure(let error) = result else { return nil }
    return (error as? CollectiveError)?.cause
}
