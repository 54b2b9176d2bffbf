import Foundation

/// The one logger: single lines to standard error, each with the process's role in front.
///
/// Lines of several processes that share a terminal do not mix, since each line is one `write`.
public final class Logger: Sendable {
    /// The logger of a command that is neither coordinator nor worker.
    public static let command = Logger(role: "")

    private let role: String

    /// - Parameter role: `coordinator`, or `worker 2`, put in front of each line.
    public init(role: String) {
        self.role = role
    }

    public func line(_ text: String) {
        let flat = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let name = role.isEmpty ? "murmur" : "murmur \(role)"
        let bytes = Array("\(name): \(flat)\n".utf8)
        bytes.withUnsafeBytes { raw in
            // Nobody is left to tell when standard error is gone.
            _ = write(STDERR_FILENO, raw.baseAddress, raw.count)
        }
    }
}
