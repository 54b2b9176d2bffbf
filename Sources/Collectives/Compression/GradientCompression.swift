/// How gradients travel: a choice as configurations write it, such as `topk:0.01`.
public enum GradientCompression: Sendable, Equatable {
    case none
    case float16
    case bfloat16
    case int8
    /// - Parameter fraction: the share of elements sent, above 0 and at most 1.
    case topK(fraction: Double)
    /// - Parameter rank: of the approximation, above 0.
    case powerSGD(rank: Int)

    /// What `init(parsing:)` accepts.
    public static let forms = ["none", "float16", "bfloat16", "int8", "topk:<fraction>", "powersgd:<rank>"]

    /// - Throws: `GradientCompressionError`, one line.
    public init(parsing text: String) throws(GradientCompressionError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count > 1 ? parts[1] : nil) {
        case ("none", nil): self = .none
        case ("float16", nil): self = .float16
        case ("bfloat16", nil): self = .bfloat16
        case ("int8", nil): self = .int8
        case ("topk", let argument):
            guard let fraction = argument.flatMap(Double.init), fraction > 0, fraction <= 1 else {
                throw GradientCompressionError(text, "topk needs a fraction above 0 and at most 1, as in topk:0.01")
            }
            self = .topK(fraction: fraction)
        case ("powersgd", let argument):
            guard let rank = argument.flatMap({ Int($0) }), rank > 0 else {
                throw GradientCompressionError(text, "powersgd needs a rank of at least 1, as in powersgd:4")
            }
            self = .powerSGD(rank: rank)
        default:
            throw GradientCompressionError(text, "choose one of \(Self.forms.joined(separator: ", "))")
        }
    }

    /// A compressor for one bucket.
    ///
    /// - Parameters:
    ///   - layout: of the bucket; the same on all ranks.
    ///   - seed: of what is random (PowerSGD's first Q); the same on all ranks, another for each bucket.
    public func makeCompressor(layout: GradientLayout, seed: UInt64) -> any GradientCompressor {
        switch self {
        case .none: Uncompressed(count: layout.count)
        case .float16: HalfPrecision(.float16, count: layout.count)
        case .bfloat16: HalfPrecision(.bfloat16, count: layout.count)
        case .int8: BlockwiseInt8(count: layout.count)
        case .topK(let fraction): TopK(count: layout.count, fraction: fraction)
        case .powerSGD(let rank): PowerSGD(layout: layout, rank: rank, seed: seed)
        }
    }
}

extension GradientCompression: CaseIterable {
    /// One of each kind, with usual parameters.
    public static let allCases: [GradientCompression] = [
        .none, .float16, .bfloat16, .int8, .topK(fraction: 0.01), .powerSGD(rank: 4),
    ]
}

extension GradientCompression: GradientChoice {
    /// As `init(parsing:)` reads it.
    public var description: String {
        switch self {
        case .none: "none"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        case .int8: "int8"
        case .topK(let fraction): "topk:\(fraction)"
        case .powerSGD(let rank): "powersgd:\(rank)"
        }
    }
}

/// A text that names no gradient compression: what was read and what to write instead, in one line.
public struct GradientCompressionError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ text: String, _ remedy: String) {
        let shown = text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : String($0) }.joined()
        description = "gradient compression \"\(shown)\": \(remedy)"
    }
}
