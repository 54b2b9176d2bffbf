import CTorch

extension Tensor {
    /// The value of a tensor with one element.
    public func item() throws -> Double {
        var failed: Int32 = 0
        var value = 0.0
        try check("item", [self]) {
            value = ct_item(handle, &failed)
            return failed
        }
        return value
    }

    /// All elements in row-major order, converted.
    public func floats() throws -> [Float] { try elements(.float32, zero: 0) }

    /// All elements in row-major order, converted.
    public func doubles() throws -> [Double] { try elements(.float64, zero: 0) }

    /// All elements in row-major order, converted (rounded towards zero).
    public func int64s() throws -> [Int64] { try elements(.int64, zero: 0) }

    /// The bytes of all elements in row-major order, whatever the memory layout.
    public func copyBytes() throws -> [UInt8] {
        try elements(scalarType, count: count * scalarType.byteCount, zero: 0)
    }

    private func elements<Element>(_ type: ScalarType, count: Int? = nil, zero: Element) throws -> [Element] {
        var result = Array(repeating: zero, count: count ?? self.count)
        try check("read", [self]) {
            result.withUnsafeMutableBytes { ct_copy_out(handle, type.number, $0.baseAddress, $0.count) }
        }
        return result
    }

    /// Gives `body` the tensor's own memory, in memory order (which for channels-last is not the logical order).
    ///
    /// Throws `TorchError` when the elements do not fill one stretch of memory without gaps or overlap. Writing through
    /// the buffer is not recorded for autograd.
    public func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard ct_is_dense(handle) != 0 else {
            throw TorchError("withUnsafeMutableBytes", [self], reason: "strides \(strides) leave gaps or overlap")
        }
        let buffer = UnsafeMutableRawBufferPointer(
            start: count > 0 ? ct_data(handle) : nil, count: count * scalarType.byteCount)
        return try withExtendedLifetime(self) { try body(buffer) }
    }
}
