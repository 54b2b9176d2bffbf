/// The type of a tensor's elements; raw values are those of safetensors.
public enum ElementType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float64 = "F64"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case uint8 = "U8"
    case bool = "BOOL"

    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .uint8, .bool: 1
        }
    }
}

/// Name, type and shape of a tensor, without its elements.
public struct TensorSpecification: Sendable, Equatable {
    public let name: String
    public let type: ElementType
    public let shape: [Int]

    /// Nothing is checked: a shape may be one that no tensor has (`byteCount` is nil then).
    public init(name: String, type: ElementType, shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// Bytes of all elements, or nil if a dimension is negative or the product overflows.
    public var byteCount: Int? {
        guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
        // An empty tensor is empty however large its other dimensions are.
        if shape.contains(0) { return 0 }
        var count = type.byteCount
        for dimension in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            count = product
        }
        return count
    }
}

/// A named tensor with its elements, row-major and little-endian.
public struct TensorRecord: Sendable, Equatable {
    public var name: String
    public var type: ElementType
    public var shape: [Int]
    public var bytes: [UInt8]

    /// - Parameter bytes: the elements, row-major and little-endian; saving refuses any other number than the shape has.
    public init(name: String, type: ElementType, shape: [Int], bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// A `float32` tensor.
    public init(name: String, shape: [Int], floats: [Float]) {
        self.init(name: name, type: .float32, shape: shape, bytes: floats.withUnsafeBytes { Array($0) })
    }

    /// An `int64` tensor.
    public init(name: String, shape: [Int], integers: [Int64]) {
        self.init(name: name, type: .int64, shape: shape, bytes: integers.withUnsafeBytes { Array($0) })
    }

    public var specification: TensorSpecification {
        TensorSpecification(name: name, type: type, shape: shape)
    }

    /// The elements as floats if this is a `float32` tensor, else nil.
    public var floats: [Float]? { type == .float32 ? elements(of: Float.self) : nil }

    /// The elements as integers if this is an `int64` tensor, else nil.
    public var integers: [Int64]? { type == .int64 ? elements(of: Int64.self) : nil }

    private func elements<Element: BitwiseCopyable>(of _: Element.Type) -> [Element]? {
        let size = MemoryLayout<Element>.size
        guard bytes.count.isMultiple(of: size) else { return nil }
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / size).map { raw.loadUnaligned(fromByteOffset: $0 * size, as: Element.self) }
        }
    }
}
