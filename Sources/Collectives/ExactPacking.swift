import CReduction

/// How float64 numbers that are multiples of one quantum travel: in as few bytes as hold the largest of a message, without
/// loss.
///
/// Sums of such numbers are exact in float64 as long as they stay below 2⁵³ quanta, and most are far below: they take 4, 5 or
/// 6 bytes each. A rank chooses for each of its messages. One with anything else in it (no multiple of the quantum, 2⁴⁷
/// quanta or more, a negative zero, an infinity, a NaN) travels as float64.
///
/// A packed message ends with the number of its values (4 bytes, little-endian) and the bytes of each (3 bytes). Its length
/// is never 8 bytes a value, which is that of one that is not packed.
package struct ExactPacking {
    private static let trailerBytes = 7
    private let perQuantum: Double

    /// - Parameter quantum: a power of two whose inverse is a normal number.
    package init(quantum: Double) {
        precondition(quantum > 0 && quantum.significand == 1 && (1 / quantum).isNormal, "the quantum is a power of two")
        perQuantum = 1 / quantum
    }

    /// The message for some values.
    ///
    /// - Parameters:
    ///   - values: of float64, fewer than 2³².
    ///   - space: as many bytes, which are the message's until it has been delivered.
    /// - Returns: its bytes, in `space`, or `values` themselves where that is not shorter.
    package func message(
        of values: UnsafeRawBufferPointer, in space: UnsafeMutableRawPointer
    ) -> UnsafeRawBufferPointer {
        guard let source = values.baseAddress else { return values }
        let count = values.count / MemoryLayout<Double>.stride
        let width = packing_width(source, count, perQuantum)
        let bytes = count * width + Self.trailerBytes
        guard width != Int(PACKING_NONE), bytes < values.count else { return values }
        packing_pack(space, source, count, perQuantum, width)
        (space + count * width).copyMemory(from: Self.trailer(count, width), byteCount: Self.trailerBytes)
        return UnsafeRawBufferPointer(start: space, count: bytes)
    }

    /// Takes in a message's values.
    ///
    /// - Parameters:
    ///   - count: of the values; at least 1.
    ///   - adding: whether they are added to what is at `place`, or replace it.
    /// - Returns: false if the message is none of so many values; nothing is touched then.
    package func take(
        _ message: UnsafeRawBufferPointer, into place: UnsafeMutableRawPointer, count: Int, adding: Bool
    ) -> Bool {
        guard let source = message.baseAddress else { return false }
        if message.count == count * MemoryLayout<Double>.stride {
            if adding {
                reduction_sum_double(place, place, source, count)
            } else {
                place.copyMemory(from: source, byteCount: message.count)
            }
            return true
        }
        let (width, rest) = (message.count - Self.trailerBytes).quotientAndRemainder(dividingBy: count)
        guard rest == 0, (4...6).contains(width),
            message.suffix(Self.trailerBytes).elementsEqual(Self.trailer(count, width))
        else { return false }
        if adding {
            packing_add(place, source, count, perQuantum, width)
        } else {
            packing_unpack(place, source, count, perQuantum, width)
        }
        return true
    }

    private static func trailer(_ count: Int, _ width: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + [UInt8(width), 0, 0]
    }
}
