/// A number of bytes, written `2GiB`, `500MB` or plainly in bytes.
public struct MemorySize: Sendable, Hashable, Codable, CustomStringConvertible {
    public let bytes: Int

    /// - Precondition: above 0.
    public init(bytes: Int) {
        precondition(bytes > 0, "\(bytes) bytes")
        self.bytes = bytes
    }

    /// A number above 0 with or without a fraction, then a unit; nil for anything else.
    public init?(parsing text: String) {
        let unit = Self.units.first { text.hasSuffix($0.name) } ?? ("", 1)
        let digits = text.dropLast(unit.name.count)
        guard !digits.isEmpty, digits.allSatisfy({ "0123456789.".contains($0) }), let number = Double(digits) else {
            return nil
        }
        let bytes = (number * Double(unit.bytes)).rounded()
        guard bytes >= 1, bytes < 0x1p60 else { return nil }
        self.bytes = Int(bytes)
    }

    /// As it reads back, in the largest unit of which it is a whole number.
    public var description: String {
        let unit = Self.binaryUnits.first { bytes % $0.bytes == 0 } ?? ("B", 1)
        return "\(bytes / unit.bytes)\(unit.name)"
    }

    /// To one decimal, for people: `1.5 GiB`.
    public var rounded: String {
        let unit = Self.binaryUnits.first { bytes >= $0.bytes } ?? ("B", 1)
        let tenths = (Double(bytes) / Double(unit.bytes) * 10).rounded() / 10
        return "\(tenths) \(unit.name)"
    }

    private static let binaryUnits: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ]
    /// Longer names before those that they end in.
    private static let units: [(name: String, bytes: Int)] =
        binaryUnits + [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000), ("B", 1)]
}
