import CSodium

/// BLAKE2b with 256 bits of output and no key (RFC 7693), fed piece by piece.
public struct Digest: ~Copyable {
    private static let byteCount = 32
    private let state: UnsafeMutableRawPointer

    private var generic: OpaquePointer { OpaquePointer(state) }

    /// The digest of nothing so far.
    public init() {
        // libsodium's state must lie on 64 bytes.
        state = .allocate(byteCount: crypto_generichash_statebytes(), alignment: 64)
        crypto_generichash_init(generic, nil, 0, Self.byteCount)
    }

    deinit { state.deallocate() }

    /// Adds bytes to what is digested.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        crypto_generichash_update(generic, base.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    }

    /// Adds a text's UTF-8 bytes, without its length.
    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// Adds `value` as eight little-endian bytes.
    mutating func update(_ value: Int) {
        withUnsafeBytes(of: UInt64(bitPattern: Int64(value)).littleEndian) { update($0) }
    }

    /// The digest as 64 hexadecimal digits.
    public consuming func finish() -> String {
        var output = [UInt8](repeating: 0, count: Self.byteCount)
        crypto_generichash_final(generic, &output, Self.byteCount)
        return output.map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }

    /// The digest of a text's UTF-8 bytes.
    public static func hex(of text: String) -> String {
        var digest = Digest()
        digest.update(text)
        return digest.finish()
    }
}
