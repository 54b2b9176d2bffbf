import CZeroMQ

/// The cores on which a thread may run (sched_setaffinity(2)).
package struct CoreSet: Equatable, Sendable {
    /// How many the machine has, whether or not a thread may run on them.
    package static var coresOfMachine: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    /// A bit for each core.
    private var words: [UInt]
    /// Room for 8,192 cores, as many as Linux knows.
    private static let wordCount = 8192 / UInt.bitWidth

    package init(core: Int) {
        words = Array(repeating: 0, count: Self.wordCount)
        words[core / UInt.bitWidth] = 1 << (core % UInt.bitWidth)
    }

    /// Those of a thread of this process, 0 for the calling one; nil where the system does not tell.
    package init?(ofThread thread: Int32) {
        words = Array(repeating: 0, count: Self.wordCount)
        guard words.withUnsafeMutableBytes({ thread_cores(thread, $0.baseAddress, $0.count) }) > 0 else { return nil }
    }

    /// Their numbers, ascending.
    package var cores: [Int] {
        words.indices.flatMap { index in
            (0..<UInt.bitWidth).compactMap { words[index] >> $0 & 1 == 1 ? index * UInt.bitWidth + $0 : nil }
        }
    }

    /// Lets a thread run on these alone. It stays as it is if it has ended, and where a sandbox refuses.
    package func confine(thread: Int32) {
        _ = words.withUnsafeBytes { set_thread_cores(thread, $0.baseAddress, $0.count) }
    }
}
