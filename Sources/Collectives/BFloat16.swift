/// The upper half of a float32: its sign, its eight bits of exponent and seven of its fraction.
///
/// A format to move and to reduce numbers in, without arithmetic of its own.
public struct BFloat16: BitwiseCopyable, Sendable {
    public var bitPattern: UInt16

    public init(bitPattern: UInt16) {
        self.bitPattern = bitPattern
    }

    /// The nearest one, of two equally near ones the even one. Every NaN becomes the quiet NaN without sign and payload.
    public init(_ value: Float) {
        let bits = value.bitPattern
        bitPattern = value.isNaN ? 0x7fc0 : UInt16((bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }
}

extension BFloat16: Equatable {
    /// As floating-point numbers: the two zeros are equal, a NaN is not.
    public static func == (left: BFloat16, right: BFloat16) -> Bool {
        Float(left) == Float(right)
    }
}

extension Float {
    /// Exact.
    public init(_ value: BFloat16) {
        self.init(bitPattern: UInt32(value.bitPattern) << 16)
    }
}
