extension Communicator {
    /// Each rank's value, by rank. All ranks call it.
    public func gathered<Value: BitwiseCopyable>(_ value: Value) throws -> [Value] {
        let words = (MemoryLayout<Value>.size + 7) / 8
        var own = [Int64](repeating: 0, count: words)
        own.withUnsafeMutableBytes { $0.storeBytes(of: value, as: Value.self) }
        var all = [Int64](repeating: 0, count: words * size)
        try own.withUnsafeBufferPointer { own in
            try all.withUnsafeMutableBufferPointer {
                try allGather(own, counts: Array(repeating: words, count: size), into: $0)
            }
        }
        return all.withUnsafeBytes { bytes in
            (0..<size).map { bytes.loadUnaligned(fromByteOffset: $0 * words * 8, as: Value.self) }
        }
    }
}
