/// A configuration that cannot be used: where, which key, and what is allowed.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where a setting was written.
    public enum Place: Equatable, Sendable, CustomStringConvertible {
        case file(String, line: Int?)
        case commandLine

        public var description: String {
            switch self {
            case .file(let name, let line): line.map { "\(name):\($0)" } ?? name
            case .commandLine: "command line"
            }
        }
    }

    public let place: Place
    /// The dotted key concerned, if one is.
    public let key: String?
    /// What is wrong and what is allowed.
    public let message: String

    public init(place: Place, key: String? = nil, message: String) {
        self.place = place
        self.key = key
        self.message = message
    }

    public var description: String {
        "\(place): " + (key.map { "\($0): " } ?? "") + message
    }
}
