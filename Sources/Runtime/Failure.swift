/// An error that ends a process: one line for the user, and the exit code that goes with it.
public struct Failure: Error, CustomStringConvertible, Sendable {
    public let code: ExitCode
    public let description: String

    public init(_ code: ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }
}
