/// The type of a tensor's elements.
public enum ScalarType: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case uint8, int32, int64, float16, bfloat16, float32, float64, bool

    public var byteCount: Int {
        switch self {
        case .uint8, .bool: 1
        case .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    public var description: String { rawValue }

    /// libtorch's number (`c10::ScalarType`; the numbers are part of its file format and do not change).
    var number: Int32 {
        switch self {
        case .uint8: 0
        case .int32: 3
        case .int64: 4
        case .float16: 5
        case .float32: 6
        case .float64: 7
        case .bool: 11
        case .bfloat16: 15
        }
    }

    init?(number: Int32) {
        guard let match = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = match
    }
}
