import Glibc

/// Files that name the public keys of workers which may join: one key in Z85 a line, then perhaps a name; `#` begins a
/// comment, empty lines are passed over.
public enum AllowList {
    private static let operation = "read the allow-list"
    private static let maximumBytes = 1 << 20

    /// - Throws: `TransportError` if it cannot be read, others than its owner may change it, or a line holds no key.
    public static func read(file path: String) throws -> Set<CurvePublicKey> {
        let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw TransportError.system(operation, path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw TransportError.system(operation, path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TransportError(operation, path, cause: "it is not an ordinary file")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw TransportError(operation, path, cause: "others may change it; run: chmod go-w \(path)")
        }
        let text = try PrivateFile.readText(
            descriptor, path: path, operation: operation, maximumBytes: maximumBytes)
        return try parse(text, place: path)
    }

    /// - Parameter place: named in errors, with the line's number.
    /// - Throws: `TransportError` if a line holds neither key nor comment.
    public static func parse(_ text: String, place: String) throws -> Set<CurvePublicKey> {
        var keys: Set<CurvePublicKey> = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            // '#' is a character of Z85 too, but its highest digit, which 32 bits never reach in the first place.
            guard let word = line.split(whereSeparator: { " \t\r".contains($0) }).first, !word.hasPrefix("#") else {
                continue
            }
            do {
                keys.insert(try CurvePublicKey(z85: String(word)))
            } catch let error as TransportError {
                throw TransportError(operation, "\(place), line \(index + 1)", cause: error.cause)
            }
        }
        return keys
    }
}
