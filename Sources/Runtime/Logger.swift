import Foundation

/// The one logger: single lines to standard error, each with the process's role in front.
///
/// Lines of several processes that share a terminal do not mix, since each line is one `write`.
public final class Logger: Sendable {
    private let role: String

    /// - Parameter role: `coordinator`, or `worker 2`, put in front of each line.
    public init(role: String) {
        self.role = role
    }

    public func line(_ text: String) {
        let flat = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let bytes = Array("murmur \(role): \(flat)\n".utf8)
        bytes.withUnsafeBytes { raw in
            // Nobody is left to tell when standard error is gone.
            _ = write(STDERR_FILENO, raw.baseAddress, raw.count)
        }
    }
}
