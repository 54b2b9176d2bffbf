import Foundation

/// An error that ends a process: one line for the user, and the exit code that goes with it.
public struct Failure: Error, CustomStringConvertible, Sendable {
    public let code: ExitCode
    public let description: String

    public init(_ code: ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }
}

extension Failure {
    /// A file of a run that cannot be written or made, with the cause.
    static func file(_ what: String, _ path: String, _ error: any Error) -> Failure {
        let cause =
            (error as? CocoaError)?.code == .fileWriteOutOfSpace ? "the disk is full" : error.localizedDescription
        return Failure(.checkpoint, "cannot \(what) \(path): \(cause)")
    }
}
