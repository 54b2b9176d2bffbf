/// A choice that configurations write as one word, such as `int8`: encoded and decoded as that word.
public protocol GradientChoice: Codable, CustomStringConvertible {
    /// - Throws: `GradientCompressionError`, one line.
    init(parsing text: String) throws(GradientCompressionError)
}

extension GradientChoice {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            try self.init(parsing: container.decode(String.self))
        } catch let error as GradientCompressionError {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
