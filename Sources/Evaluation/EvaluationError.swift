/// What kept an evaluation from running: one line with the place and the cause.
public struct EvaluationError: Error, CustomStringConvertible, Sendable, Equatable {
    /// The evaluation, for example `kNN`.
    public let place: String
    public let message: String

    public init(in place: String, _ message: String) {
        self.place = place
        self.message = message
    }

    public var description: String { "\(place): \(message)" }
}
