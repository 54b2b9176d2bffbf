/// A file that cannot be read, is not what it should be, or cannot be written.
public struct CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kind of failure, for callers that choose an exit code or another file by it.
    public enum Code: Sendable, Equatable {
        /// Nothing is there.
        case notFound
        /// The bytes break the format, or a hash or the manifest does not hold.
        case damaged
        /// A format version or tensor type of another program or a later release.
        case unsupported
        /// The system refused to read or write; `disk full` is among these.
        case system(errno: Int32)
        /// What was to be saved is not a valid checkpoint (duplicate names, wrong byte counts).
        case invalid
    }

    /// What kind of failure it is.
    public let code: Code
    /// The file or directory concerned.
    public let path: String
    /// What is wrong with it.
    public let cause: String

    /// - Parameters:
    ///   - path: the file or directory concerned.
    ///   - cause: what is wrong with it, without the path.
    public init(_ code: Code, path: String, cause: String) {
        self.code = code
        self.path = path
        self.cause = cause
    }

    /// One line: the path, then the cause.
    public var description: String { "\(path): \(cause)" }
}
