import ClusterTestKit
import Collectives
import Randomness
import Synchronization
import Testing

let rankCounts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16]

/// An element type that tests can fill.
protocol TestElement: ReducibleElement, Equatable {
    /// Exact for integers of small magnitude.
    init(small: Int)
    /// Sums of 16 integers below this are exact.
    static var bound: Int { get }
    /// The element's bits, for comparisons that also tell zeros and NaNs apart.
    var bits: UInt64 { get }
}

extension Float: TestElement {
    static var bound: Int { 1000 }
    init(small: Int) { self = Float(small) }
    var bits: UInt64 { UInt64(bitPattern) }
}

extension Double: TestElement {
    static var bound: Int { 1000 }
    init(small: Int) { self = Double(small) }
    var bits: UInt64 { bitPattern }
}

extension Int32: TestElement {
    static var bound: Int { 1000 }
    init(small: Int) { self = Int32(small) }
    var bits: UInt64 { UInt64(UInt32(bitPattern: self)) }
}

extension Int64: TestElement {
    static var bound: Int { 1000 }
    init(small: Int) { self = Int64(small) }
    var bits: UInt64 { UInt64(bitPattern: self) }
}

extension Float16: TestElement {
    static var bound: Int { 128 }
    init(small: Int) { self = Float16(small) }
    var bits: UInt64 { UInt64(bitPattern) }
}

extension BFloat16: TestElement {
    static var bound: Int { 16 }
    init(small: Int) { self = BFloat16(Float(small)) }
    var bits: UInt64 { UInt64(bitPattern) }
}

/// A small integer that depends on rank and index.
func sample(_ rank: Int, _ index: Int) -> Int {
    (index &* 7 &+ rank &* 131 &+ (index >> 7)) % 1009 - 504
}

/// Limits that send even small buffers round the ring, in several chunks.
let ringOnly = CollectiveLimits(chunkBytes: 256, minimumChunkBytes: 64, smallBytes: 0, window: 2)

/// Runs `body` with a communicator for each of `size` ranks.
///
/// - Parameter hosts: by rank: its host, for ranks that share memory.
func withRanks<Value: Sendable>(
    _ size: Int, limits: CollectiveLimits = CollectiveLimits(), hosts: [Int]? = nil,
    _ body: @escaping @Sendable (Communicator) throws -> Value
) throws -> [Value] {
    try InMemoryNetwork(size: size).run(hosts: hosts, limits: limits) { communicator, _ in try body(communicator) }
        .map { try $0.get() }
}

/// The bits of one element type's arrays, summed up so that they can be compared across ranks.
func digest<T: TestElement>(_ values: some Collection<T>) -> UInt64 {
    values.reduce(14_695_981_039_346_656_037) { SplitMix.mix($0 ^ $1.bits) }
}

/// Counts how many ranks have come to a point.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .sequentiallyConsistent) }

    func increment() {
        count.add(1, ordering: .sequentiallyConsistent)
    }
}
