/// What went wrong in an encoder, a loss, an optimiser or in moving their state: one line with the place and the cause.
public struct ContrastiveError: Error, CustomStringConvertible, Sendable, Equatable {
    public enum Code: Sendable, Equatable {
        /// A tensor has another shape or type than the operation needs.
        case shape
        /// A number is outside the range in which the operation is defined.
        case value
        /// A name is missing from a state, or is not one of the model's.
        case state
    }

    public let code: Code
    /// The operation or the tensor that is concerned, for example `NT-Xent` or `layer1.0.conv1.weight`.
    public let place: String
    public let message: String

    public init(_ code: Code, in place: String, _ message: String) {
        self.code = code
        self.place = place
        self.message = message
    }

    public var description: String { "\(place): \(message)" }
}
