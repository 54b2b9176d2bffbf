import Foundation
import Glibc
import Synchronization
import Testing
import ZeroMQTransport

/// Long enough for any machine; a test that waits for it in full has failed.
let patience = 20_000

/// Runs `body` with a directory of its own, which is removed afterwards. Its path is short enough for ipc sockets.
func withTemporaryDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
    var template = Array("/tmp/murmur-zmq-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// Steele's SplitMix64: a named seed gives the same bytes on every run.
struct SeededBytes {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 56) }
    }
}

/// Collects values from other threads.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    func add(_ value: Value) {
        values.withLock { $0.append(value) }
    }

    var all: [Value] { values.withLock { $0 } }
}

/// A coordinator's side with an authenticator, all in one context, as a run has it.
struct SecureServer {
    let context: MessagingContext
    let authenticator: Authenticator
    let keys: CurveKeyPair
    let server: ControlServer
    let denials = Collected<Authenticator.Denial>()
    let warnings = Collected<String>()

    init(limits: SocketLimits = .control) throws {
        context = try MessagingContext()
        let denials = denials
        let warnings = warnings
        authenticator = try Authenticator(context: context) { denials.add($0) }
        keys = try CurveKeyPair.generate()
        server = try ControlServer(
            context: context, endpoint: "tcp://127.0.0.1:*", security: .curveServer(keys, domain: .control),
            authenticator: authenticator, limits: limits, report: { warnings.add($0) })
    }

    /// A client in a context of its own, as another process would have.
    func client(_ keys: CurveKeyPair, server: CurvePublicKey? = nil) throws -> ControlClient {
        try ControlClient(
            context: try MessagingContext(), endpoint: self.server.boundEndpoint,
            security: .curveClient(keys, server: server ?? self.keys.publicKey))
    }
}

extension ControlServer {
    /// The next message, of `sender` if given; fails the test if none comes.
    func next(from sender: PeerIdentity? = nil) throws -> (PeerIdentity, [UInt8]) {
        var result: (PeerIdentity, [UInt8])?
        try wait {
            result = try receive(timeoutMilliseconds: 50)
            return result.map { $0.0 == sender ?? $0.0 } ?? false
        }
        return try #require(result)
    }

    /// Serves until `condition` holds; messages that come meanwhile are dropped.
    func serve(until condition: () throws -> Bool) throws {
        try wait {
            _ = try receive(timeoutMilliseconds: 5)
            return try condition()
        }
    }
}

extension ControlClient {
    func next() throws -> [UInt8] {
        var result: [UInt8]?
        try wait {
            result = try receive(timeoutMilliseconds: 50)
            return result != nil
        }
        return try #require(result)
    }

    func serve(until condition: () throws -> Bool) throws {
        try wait {
            _ = try receive(timeoutMilliseconds: 5)
            return try condition()
        }
    }
}

/// Repeats `attempt`, which waits a little itself, until it holds; fails the test when patience is over.
func wait(_ attempt: () throws -> Bool) throws {
    let end = DispatchTime.now() + .milliseconds(patience)
    while try !attempt() {
        try #require(DispatchTime.now() < end, "what was waited for never came")
    }
}

/// Sends `hello` and its answer, over a channel that works.
func expectRoundTrip(_ client: ControlClient, _ server: ControlServer) throws {
    try client.send(Array("hello".utf8))
    let (peer, bytes) = try server.next(from: client.identity)
    try #require(bytes == Array("hello".utf8))
    #expect(try server.send(Array("welcome".utf8), to: peer) == .queued)
    #expect(try client.next() == Array("welcome".utf8))
}

/// The error that `body` throws; fails the test if it throws none.
func transportError(_ body: () throws -> Void) throws -> TransportError {
    do {
        try body()
    } catch let error as TransportError {
        return error
    }
    throw TransportError("test", cause: "no error was thrown")
}
