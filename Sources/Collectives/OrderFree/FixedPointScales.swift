import CReduction

/// The quanta in which a buffer of floats is summed: one power of two for each block of 1024 elements.
///
/// An addend x of a block with exponent e counts as the integer nearest to x · 2^-e (ties to even). Integers are summed,
/// so that the order does not matter, and the sum is rounded once to float. All ranks need the same scales at the start of
/// a step; they choose the same for the next one, since the choice depends on nothing but the largest addend of a block,
/// over all ranks. They are state of a run, like its weights.
///
/// A buffer's scales begin as unknown, which costs one overflow.
public struct FixedPointScales: Equatable, Sendable {
    /// Elements of a block; the last one may be shorter.
    public static let blockElements = Int(FIXEDPOINT_BLOCK)
    /// The exponent of a block of which nothing but zeros has been seen.
    public static let unknown = Int32.min
    /// More addends than this would leave too few bits for each.
    public static let mostAddends = 1 << 20

    /// Elements of the buffer.
    public let count: Int
    /// The number of addends of each element, of all ranks together. No sum of so many overflows 32 bits.
    public let addends: Int
    /// How many bits a block's largest addend may grow by from one step to the next before the block overflows; each
    /// costs a bit of precision.
    public let headroomBits: Int
    /// The exponents of the next sum, one for each block.
    public private(set) var exponents: [Int32]

    /// The largest integer an addend may become; exactly a float.
    private let limit: Int32

    var rule: fixedpoint_rule { fixedpoint_rule(limit: limit, headroom: Int32(headroomBits)) }

    /// Unknown scales.
    ///
    /// - Parameters:
    ///   - addends: 1...`mostAddends`; a constant of the run, such as the number of slices.
    ///   - headroomBits: 0...16.
    public init(count: Int, addends: Int, headroomBits: Int = 3) {
        precondition(count >= 0, "a buffer of \(count) elements does not exist")
        precondition((1...Self.mostAddends).contains(addends), "\(addends) addends are not 1...\(Self.mostAddends)")
        precondition((0...16).contains(headroomBits), "\(headroomBits) bits of headroom are not 0...16")
        self.count = count
        self.addends = addends
        self.headroomBits = headroomBits
        exponents = Array(repeating: Self.unknown, count: (count + Self.blockElements - 1) / Self.blockElements)
        // Rounded down to a float, so that what is compared with it as a float is no larger as an integer.
        let most = Double(Int(Int32.max) / addends)
        let nearest = Float(most)
        limit = Int32(Double(nearest) > most ? nearest.nextDown : nearest)
    }

    /// Scales that were saved; throws `CollectiveError` if there is not one possible exponent for each block.
    public init(exponents: [Int32], count: Int, addends: Int, headroomBits: Int = 3) throws {
        self.init(count: count, addends: addends, headroomBits: headroomBits)
        let possible = FIXEDPOINT_FINEST...FIXEDPOINT_COARSEST
        guard exponents.count == self.exponents.count,
            exponents.allSatisfy({ $0 == Self.unknown || possible.contains($0) })
        else {
            throw CollectiveError(
                .invalidArgument("\(exponents.count) exponents are not scales of \(count) elements"))
        }
        self.exponents = exponents
    }

    /// The elements of a block.
    func elements(of block: Int) -> Range<Int> {
        block * Self.blockElements..<min(count, (block + 1) * Self.blockElements)
    }

    /// Sets the exponents for a sum whose largest addends, over all ranks, have these magnitudes, and returns how many
    /// blocks they did not fit. Infinities and NaNs fit nothing and change nothing.
    package mutating func fit(_ magnitudes: [Int32]) -> Int {
        var overflowed = 0
        for block in exponents.indices {
            let exponent = fixedpoint_exponent_used(magnitudes[block], exponents[block], rule)
            overflowed += exponent == exponents[block] ? 0 : 1
            exponents[block] = exponent
        }
        return overflowed
    }

    /// Sets the exponents for the sum after one with these magnitudes, one for each block.
    package mutating func advance(past magnitudes: [Int32]) {
        precondition(magnitudes.count == exponents.count, "a magnitude for each block")
        fixedpoint_advance(&exponents, magnitudes, magnitudes.count, rule)
    }

    /// Equal for equal scales, and hardly for others.
    var digest: Int32 {
        let numbers = [Int32(truncatingIfNeeded: count), Int32(addends), Int32(headroomBits)]
        return Int32(
            bitPattern: fixedpoint_digest(exponents, exponents.count) &* 31 &+ fixedpoint_digest(numbers, numbers.count)
        )
    }
}
