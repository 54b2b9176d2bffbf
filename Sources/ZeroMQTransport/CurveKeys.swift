import CZeroMQ
import Glibc

/// A CURVE public key: 32 bytes, or 40 characters of Z85 text (ZeroMQ RFC 32).
public struct CurvePublicKey: Hashable, Sendable, CustomStringConvertible {
    /// 32 bytes.
    public let bytes: [UInt8]

    /// - Throws: `TransportError` if there are not 32 bytes, or the key is one that libzmq's manual prints.
    public init(bytes: [UInt8]) throws {
        guard bytes.count == 32 else {
            throw TransportError("read a CURVE key", cause: "it has \(bytes.count) bytes instead of 32")
        }
        guard !manualKeys.contains(Z85.encode(bytes)) else {
            throw TransportError(
                "use this CURVE key", cause: "libzmq's manual prints it, so anyone holds its secret; make your own")
        }
        self.bytes = bytes
    }

    /// - Throws: `TransportError` if it is not Z85 of 32 bytes, or the key is one that libzmq's manual prints.
    public init(z85: String) throws {
        try self.init(bytes: try Z85.decodeKey(z85))
    }

    /// 40 printable characters.
    public var z85: String { Z85.encode(bytes) }

    public var description: String { z85 }
}

/// A CURVE key pair. Its description shows the public half only.
public struct CurveKeyPair: Equatable, Sendable, CustomStringConvertible {
    public let publicKey: CurvePublicKey
    /// 32 bytes; whoever has them is us.
    public let secretBytes: [UInt8]

    /// A new pair from the system's random numbers.
    ///
    /// - Throws: `TransportError` if this libzmq was built without CURVE.
    public static func generate() throws -> CurveKeyPair {
        var publicText = [CChar](repeating: 0, count: 41)
        var secretText = [CChar](repeating: 0, count: 41)
        guard zmq_curve_keypair(&publicText, &secretText) == 0 else {
            throw TransportError.last("make a CURVE key pair")
        }
        return try CurveKeyPair(secretBytes: Z85.decodeKey(Z85.text(secretText)))
    }

    /// The pair that belongs to a secret key.
    ///
    /// - Throws: `TransportError` if there are not 32 bytes, or the key is one that libzmq's manual prints.
    public init(secretBytes: [UInt8]) throws {
        guard secretBytes.count == 32 else {
            throw TransportError("read a CURVE secret key", cause: "it has \(secretBytes.count) bytes instead of 32")
        }
        var publicText = [CChar](repeating: 0, count: 41)
        guard zmq_curve_public(&publicText, Z85.encode(secretBytes)) == 0 else {
            throw TransportError.last("derive a CURVE public key")
        }
        self.publicKey = try CurvePublicKey(z85: Z85.text(publicText))
        self.secretBytes = secretBytes
    }

    public var description: String { "key pair of \(publicKey)" }
}

// MARK: Files

extension CurveKeyPair {
    /// Reads a file that `write(toFile:)` made.
    ///
    /// - Throws: `TransportError` if it cannot be read, others than its owner may read it, or its text is damaged.
    public init(file path: String) throws {
        let operation = "read the key file"
        let text = try PrivateFile.read(path, operation: operation, maximumBytes: 4096)
        var fields: [Substring: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("# ") {
            let words = line.split(separator: " ")
            guard words.count == 2 else {
                throw TransportError(operation, path, cause: "lines other than 'public KEY' and 'secret KEY'")
            }
            fields[words[0]] = String(words[1])
        }
        guard let publicText = fields["public"], let secretText = fields["secret"], fields.count == 2 else {
            throw TransportError(operation, path, cause: "it needs one line 'public KEY' and one line 'secret KEY'")
        }
        do {
            try self.init(secretBytes: try Z85.decodeKey(secretText))
        } catch let error as TransportError {
            throw TransportError(operation, path, cause: error.cause)
        }
        guard publicKey.z85 == publicText else {
            throw TransportError(operation, path, cause: "its public key does not belong to its secret key")
        }
    }

    /// Writes the pair to a new file that only its owner may read (mode 0600).
    ///
    /// - Throws: `TransportError` if the file exists: a key is never overwritten; or the system refuses.
    public func write(toFile path: String) throws {
        let text = """
            # CURVE key pair of murmur. Keep this file to yourself; hand out the public line only.
            public \(publicKey.z85)
            secret \(Z85.encode(secretBytes))

            """
        try PrivateFile.write(text, to: path, operation: "write the key file", replaces: false)
    }
}

/// Keys printed in zmq_curve(7), zmq_setsockopt(3) and libzmq's tests: public and secret ones.
private let manualKeys: Set<String> = [
    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
]
