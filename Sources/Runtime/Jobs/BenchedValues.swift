import Glibc

/// The whole numbers that a benched collective sums or carries: `factor · (place mod period) + addend`.
///
/// They are copied from and compared with a table. Where ranks share cores, one that is through checks its values on the
/// core that another one, whose time is taken, waits for.
package struct BenchedValues {
    private static let period = 1021

    /// Two periods, so that from each place in the first one a whole period follows.
    private let table: [Float]

    package init(factor: Int = 1, addend: Int = 0) {
        table = (0..<2 * Self.period).map { Float($0 % Self.period * factor + addend) }
    }

    package subscript(place: Int) -> Float {
        table[place % Self.period]
    }

    /// Writes the values from a place on.
    package func write(from place: Int, to values: Slice<UnsafeMutableBufferPointer<Float>>) {
        _ = forEachPeriod(of: values, from: place) { values, expected, bytes in
            memcpy(values, expected, bytes)
            return true
        }
    }

    /// The first index, of the buffer that `values` are part of, whose value is not the one from `place` on; nil if all
    /// are as they should be.
    package func firstDifference(from place: Int, in values: Slice<UnsafeMutableBufferPointer<Float>>) -> Int? {
        let isRight = forEachPeriod(of: values, from: place) { memcmp($0, $1, $2) == 0 }
        return isRight ? nil : values.indices.first { values[$0] != self[place + $0 - values.startIndex] }
    }

    /// Calls `body` with stretches of at most a period and what belongs there, until it returns false; whether it never did.
    private func forEachPeriod(
        of values: Slice<UnsafeMutableBufferPointer<Float>>, from place: Int,
        _ body: (_ values: UnsafeMutablePointer<Float>, _ expected: UnsafePointer<Float>, _ bytes: Int) -> Bool
    ) -> Bool {
        let all = UnsafeMutableBufferPointer(rebasing: values)
        guard let first = all.baseAddress else { return true }
        return table.withUnsafeBufferPointer { table in
            let expected = table.baseAddress! + place % Self.period
            return stride(from: 0, to: all.count, by: Self.period).allSatisfy { start in
                let count = min(Self.period, all.count - start)
                return body(first + start, expected, count * MemoryLayout<Float>.stride)
            }
        }
    }
}
