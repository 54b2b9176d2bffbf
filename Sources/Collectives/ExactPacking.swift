import CReduction

/// How sums over the ranks travel whose addends are float64 multiples of one quantum and which are wanted in float32.
///
/// **Addends**, and sums on their way, are exact in float64 as long as they stay below 2⁵³ quanta, and most are far below:
/// without loss they take 4, 5 or 6 bytes each. A rank chooses for each of its messages. One with anything else in it (no
/// multiple of the quantum, 2⁴⁷ quanta or more, a negative zero, an infinity, a NaN) travels as float64. **Results** are
/// rounded to float32 where they are complete, and travel as that.
///
/// A packed message ends with the number of its values (4 bytes, little-endian), the bytes of each, 1 for results or 0 for
/// addends, and a zero. Its length is never 8 bytes a value, which is that of one that is not packed.
package struct ExactPacking {
    private static let trailerBytes = 7
    private let perQuantum: Double

    /// - Parameter quantum: a power of two whose inverse is a normal number.
    package init(quantum: Double) {
        precondition(quantum > 0 && quantum.significand == 1 && (1 / quantum).isNormal, "the quantum is a power of two")
        perQuantum = 1 / quantum
    }

    /// The message for some addends.
    ///
    /// - Parameters:
    ///   - values: of float64, fewer than 2³².
    ///   - space: as many bytes, which are the message's until it has been delivered.
    /// - Returns: its bytes, in `space`, or `values` themselves where that is not shorter.
    package func message(
        ofAddends values: UnsafeRawBufferPointer, in space: UnsafeMutableRawPointer
    ) -> UnsafeRawBufferPointer {
        guard let source = values.baseAddress else { return values }
        let count = values.count / MemoryLayout<Double>.stride
        let width = packing_width(source, count, perQuantum)
        guard width != Int(PACKING_NONE), Self.messageBytes(count, width) < values.count else { return values }
        packing_pack(space, source, count, perQuantum, width)
        return Self.end(space, count, width, .addends)
    }

    /// Adds a message's addends to what is at `place`.
    ///
    /// - Parameter count: of the values; at least 1.
    /// - Returns: false if the message is none of so many addends; nothing is touched then.
    package func add(_ message: UnsafeRawBufferPointer, into place: UnsafeMutableRawPointer, count: Int) -> Bool {
        guard let source = message.baseAddress else { return false }
        if message.count == count * MemoryLayout<Double>.stride {
            reduction_sum_double(place, place, source, count)
            return true
        }
        guard let width = (4...6).first(where: { Self.isPacked(message, count, $0, .addends) }) else { return false }
        packing_add(place, source, count, perQuantum, width)
        return true
    }

    /// Rounds complete sums to float32, in place.
    package static func round(_ values: UnsafeMutableRawPointer, count: Int) { packing_round(values, count) }

    /// The message for some results; as `message(ofAddends:in:)`.
    ///
    /// - Parameter values: rounded.
    package static func message(
        ofResults values: UnsafeRawBufferPointer, in space: UnsafeMutableRawPointer
    ) -> UnsafeRawBufferPointer {
        let count = values.count / MemoryLayout<Double>.stride
        guard let source = values.baseAddress, messageBytes(count, 4) < values.count else { return values }
        packing_pack_rounded(space, source, count)
        return end(space, count, 4, .results)
    }

    /// Replaces what is at `place` by a message's results.
    ///
    /// - Returns: false if the message is none of so many results; nothing is touched then.
    package static func store(
        _ message: UnsafeRawBufferPointer, into place: UnsafeMutableRawPointer, count: Int
    ) -> Bool {
        guard let source = message.baseAddress else { return false }
        if message.count == count * MemoryLayout<Double>.stride {
            place.copyMemory(from: source, byteCount: message.count)
            return true
        }
        guard isPacked(message, count, 4, .results) else { return false }
        packing_unpack_rounded(place, source, count)
        return true
    }

    private enum Content: UInt8 {
        case addends, results
    }

    private static func messageBytes(_ count: Int, _ width: Int) -> Int { count * width + trailerBytes }

    private static func end(
        _ space: UnsafeMutableRawPointer, _ count: Int, _ width: Int, _ content: Content
    ) -> UnsafeRawBufferPointer {
        (space + count * width).copyMemory(from: trailer(count, width, content), byteCount: trailerBytes)
        return UnsafeRawBufferPointer(start: space, count: messageBytes(count, width))
    }

    private static func isPacked(
        _ message: UnsafeRawBufferPointer, _ count: Int, _ width: Int, _ content: Content
    ) -> Bool {
        message.count == messageBytes(count, width)
            && message.suffix(trailerBytes).elementsEqual(trailer(count, width, content))
    }

    private static func trailer(_ count: Int, _ width: Int, _ content: Content) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + [UInt8(width), content.rawValue, 0]
    }
}
