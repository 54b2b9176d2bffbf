/// The whole numbers that a benched collective sums or carries: `factor · ((first + index) mod period) + addend`.
///
/// Written and compared by loops that the compiler makes vectors of. Where ranks share cores, one that is through checks
/// its values on the core that another one, whose time is taken, waits for.
package struct BenchedValues {
    private static let period = 1021

    /// The first value's place in the period.
    private let first: Int
    private let factor: Int32
    private let addend: Int32

    package init(first: Int, factor: Int = 1, addend: Int = 0) {
        self.first = first % Self.period
        self.factor = Int32(factor)
        self.addend = Int32(addend)
    }

    package subscript(index: Int) -> Float {
        value(Int32((first + index) % Self.period))
    }

    private func value(_ place: Int32) -> Float {
        Float(place &* factor &+ addend)
    }

    package func write(to values: Slice<UnsafeMutableBufferPointer<Float>>) {
        forEachRun(values.count) { start, place, count in
            let run = UnsafeMutableBufferPointer(rebasing: values).baseAddress! + start
            for index in 0..<count { run[Int(index)] = value(place &+ index) }
        }
    }

    /// The first index, of the buffer that `values` are part of, whose value is another; nil if all are as they should be.
    package func firstDifference(in values: Slice<UnsafeMutableBufferPointer<Float>>) -> Int? {
        var isWrong = false
        forEachRun(values.count) { start, place, count in
            let run = UnsafeMutableBufferPointer(rebasing: values).baseAddress! + start
            var wrong: UInt32 = 0
            for index in 0..<count { wrong |= run[Int(index)] == value(place &+ index) ? 0 : 1 }
            if wrong != 0 { isWrong = true }
        }
        return isWrong ? values.indices.first { values[$0] != self[$0 - values.startIndex] } : nil
    }

    /// Calls `body` for stretches within one period: where one begins, its place in the period, its length.
    private func forEachRun(_ count: Int, _ body: (_ start: Int, _ place: Int32, _ count: Int32) -> Void) {
        var start = 0
        var place = first
        while start < count {
            let length = min(Self.period - place, count - start)
            body(start, Int32(place), Int32(length))
            start += length
            place = 0
        }
    }
}
