/// Which run a message belongs to; drawn once when the run is started, the same for all its processes.
public struct RunID: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    /// The run of this number, as it stands in a frame's header.
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public var description: String { hexadecimal(rawValue.bigEndianBytes) }
}

/// A worker's number in a run, given by the coordinator in the order of joining, from 0, never given twice.
public struct WorkerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    /// The worker of this number.
    public init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Whether `left` joined earlier.
    public static func < (left: WorkerID, right: WorkerID) -> Bool { left.rawValue < right.rawValue }

    public var description: String { String(rawValue) }
}

/// Counts the rings of a run. 0 is "no ring yet"; the first ring is generation 1.
public struct Generation: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    /// The generation of this number, as it stands in a frame's header.
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// What a worker that has not been in a ring writes into its headers.
    public static let none = Generation(0)

    /// Whether `left` was formed earlier.
    public static func < (left: Generation, right: Generation) -> Bool { left.rawValue < right.rawValue }

    public var next: Generation { Generation(rawValue + 1) }

    public var description: String { String(rawValue) }
}

/// 16 random bytes that a worker process draws at its start, so that a restarted one is never taken for its former self.
public struct Incarnation: Hashable, Sendable, CustomStringConvertible {
    /// Exactly `Incarnation.length` bytes.
    public let bytes: [UInt8]

    public static let length = 16

    /// Nil unless `bytes` are exactly 16.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }

    /// From two random numbers, the first in the leading eight bytes.
    public init(_ high: UInt64, _ low: UInt64) {
        bytes = high.bigEndianBytes + low.bigEndianBytes
    }

    public var description: String { hexadecimal(bytes) }
}

extension UInt64 {
    fileprivate var bigEndianBytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64(56 - 8 * $0)) }
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
