/// As what gradients travel between ranks: a choice as configurations write it, such as `int8`.
public enum GradientFormat: Sendable, Equatable {
    /// Sums in float64 whose addends are multiples of one power of two: exact, so that no order of addition shows.
    case float64
    /// Rounded to float32 and summed by a compressor; without a compression it is written `float32`.
    case compressed(GradientCompression)

    /// What `init(parsing:)` accepts.
    public static let forms = ["float64", "float32", "float16", "bfloat16", "int8", "topk:F", "powersgd:R"]

    /// - Throws: `GradientCompressionError`, one line.
    public init(parsing text: String) throws(GradientCompressionError) {
        switch text {
        case "float64": self = .float64
        case "float32": self = .compressed(.none)
        case "none": throw GradientCompressionError(text, "what is not compressed travels as float64 or float32")
        default: self = .compressed(try GradientCompression(parsing: text))
        }
    }
}

extension GradientFormat: GradientChoice {
    /// As `init(parsing:)` reads it.
    public var description: String {
        switch self {
        case .float64: "float64"
        case .compressed(.none): "float32"
        case .compressed(let compression): compression.description
        }
    }
}
