import CSodium
import Glibc

/// What a worker needs to join a run. Whoever holds it is admitted: treat it as a password.
///
/// As text it is one line, `murmur1:` and base64url, that can be pasted into a terminal or kept in a file:
///
///     byte 0       0: nothing is encrypted, 1: everything is, 2: all but the data between workers
///     bytes 1–8    run id, big-endian
///     bytes 9–10   length of the endpoint, big-endian; then the endpoint in UTF-8
///     then         if encrypted: coordinator's public key (32), worker's secret key (32)
///     last 8       the first 8 bytes of BLAKE2b-256 over all before
public struct Ticket: Equatable, Sendable {
    /// The keys of an encrypted run.
    public struct Keys: Equatable, Sendable {
        /// The coordinator's; proves to the worker whom it talks to.
        public var coordinator: CurvePublicKey
        /// The pair with which a worker connects; the coordinator has its public half on the allow-list.
        public var worker: CurveKeyPair

        public init(coordinator: CurvePublicKey, worker: CurveKeyPair) {
            self.coordinator = coordinator
            self.worker = worker
        }
    }

    /// Where the coordinator listens, as workers reach it.
    public var endpoint: String
    public var runID: UInt64
    /// Nil: the run stays on one host and is not encrypted.
    public var keys: Keys?
    /// Whether an encrypted run leaves the data between workers in the clear, on a network that its operator trusts.
    public var hasPlainData: Bool

    static let maximumEndpointBytes = 512
    static let maximumTextBytes = 1024

    /// - Parameter hasPlainData: without keys the data is plain whatever this says.
    /// - Throws: `TransportError` if the endpoint is empty or too long, or leaves this host without keys.
    public init(endpoint: String, runID: UInt64, keys: Keys?, hasPlainData: Bool = false) throws {
        guard (1...Self.maximumEndpointBytes).contains(endpoint.utf8.count) else {
            throw TransportError(
                "make a ticket",
                cause: "the endpoint has \(endpoint.utf8.count) bytes, not 1 to \(Self.maximumEndpointBytes)")
        }
        guard keys != nil || !requiresEncryption(endpoint) else {
            throw TransportError("make a ticket", cause: "\(endpoint) leaves this host, so it needs keys")
        }
        self.endpoint = endpoint
        self.runID = runID
        self.keys = keys
        self.hasPlainData = keys == nil || hasPlainData
    }

    /// How a worker's control socket connects.
    ///
    /// - Parameter ownKeys: the worker's own pair, if it has one that the coordinator's allow-list names.
    public func security(ownKeys: CurveKeyPair? = nil) -> Security {
        guard let keys else { return .plain }
        return .curveClient(ownKeys ?? keys.worker, server: keys.coordinator)
    }
}

// MARK: Text

extension Ticket {
    private static let prefix = "murmur1:"
    private static let checksumBytes = 8

    /// One line of printable ASCII.
    public var text: String {
        var bytes: [UInt8] = [keys == nil ? 0 : hasPlainData ? 2 : 1]
        bytes += withUnsafeBytes(of: runID.bigEndian) { Array($0) }
        bytes += withUnsafeBytes(of: UInt16(endpoint.utf8.count).bigEndian) { Array($0) }
        bytes += Array(endpoint.utf8)
        if let keys { bytes += keys.coordinator.bytes + keys.worker.secretBytes }
        return Self.prefix + Base64URL.encode(bytes + Self.checksum(bytes))
    }

    /// - Throws: `TransportError` that says what is wrong, without quoting the ticket.
    public init(text: String) throws {
        let operation = "read the ticket"
        let text = text.trimmingASCIIWhitespace()
        guard text.hasPrefix(Self.prefix) else {
            let cause =
                text.hasPrefix("murmur")
                ? "it is damaged at its beginning, or from another version of murmur"
                : "it does not begin with \(Self.prefix)"
            throw TransportError(operation, cause: cause)
        }
        guard text.utf8.count <= Self.maximumTextBytes,
            let bytes = Base64URL.decode(text.utf8.dropFirst(Self.prefix.utf8.count))
        else {
            throw TransportError(operation, cause: "it is damaged or incomplete")
        }
        let content = bytes.dropLast(Self.checksumBytes)
        guard bytes.count > Self.checksumBytes, Self.checksum(Array(content)) == Array(bytes.suffix(Self.checksumBytes))
        else {
            throw TransportError(operation, cause: "it is damaged or incomplete")
        }
        // From here on the text is what some murmur wrote, or a forgery; neither may trap.
        guard let ticket = try Self.parse(Array(content)) else {
            throw TransportError(operation, cause: "its checksum holds but its content makes no sense")
        }
        self = ticket
    }

    private static func parse(_ bytes: [UInt8]) throws -> Ticket? {
        guard bytes.count >= 11, bytes[0] <= 2 else { return nil }
        let runID = bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let length = Int(bytes[9]) << 8 | Int(bytes[10])
        let rest = bytes[11...]
        guard rest.count == length + (bytes[0] == 0 ? 0 : 64),
            let endpoint = String(validating: rest.prefix(length), as: UTF8.self)
        else { return nil }
        var keys: Keys?
        if bytes[0] != 0 {
            keys = Keys(
                coordinator: try CurvePublicKey(bytes: Array(rest.dropFirst(length).prefix(32))),
                worker: try CurveKeyPair(secretBytes: Array(rest.suffix(32))))
        }
        return try Ticket(endpoint: endpoint, runID: runID, keys: keys, hasPlainData: bytes[0] == 2)
    }

    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: 32)
        crypto_generichash(&hash, hash.count, bytes, UInt64(bytes.count), nil, 0)
        return Array(hash.prefix(checksumBytes))
    }
}

// MARK: Files

extension Ticket {
    /// A ticket as a user names it: its text, or the path of a file that holds it. A file keeps it out of the list of
    /// processes, which every user of the host can read.
    ///
    /// - Throws: `TransportError`.
    public init(textOrFile argument: String) throws {
        if argument.hasPrefix("murmur") && argument.contains(":") {
            try self.init(text: argument)
        } else {
            try self.init(file: argument)
        }
    }

    /// - Throws: `TransportError` if the file cannot be read, others than its owner may read it, or it is damaged.
    public init(file path: String) throws {
        let operation = "read the ticket file"
        let text = try PrivateFile.read(path, operation: operation, maximumBytes: 4096)
        do {
            try self.init(text: text)
        } catch let error as TransportError {
            throw TransportError(operation, path, cause: error.cause, code: error.code)
        }
    }

    /// Writes a file that only its owner may read (mode 0600), in place of an older one.
    ///
    /// - Throws: `TransportError` if the system refuses.
    public func write(toFile path: String) throws {
        try PrivateFile.write(text + "\n", to: path, operation: "write the ticket file", replaces: true)
    }
}

extension String {
    fileprivate func trimmingASCIIWhitespace() -> String {
        let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        let start = utf8.drop(while: isSpace)
        guard let end = start.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(start[...end]) ?? ""
    }
}
