import CTorch

extension Tensor {
    /// The matrix product; leading dimensions are batches and broadcast.
    public func matmul(_ other: Tensor) throws -> Tensor {
        try checked("matmul", [self, other]) { ct_matmul(handle, other.handle) }
    }

    public func exp() throws -> Tensor { try checked("exp", [self]) { ct_exp(handle) } }
    public func log() throws -> Tensor { try checked("log", [self]) { ct_log(handle) } }
    public func sqrt() throws -> Tensor { try checked("sqrt", [self]) { ct_sqrt(handle) } }
    /// 1 / √self.
    public func rsqrt() throws -> Tensor { try checked("rsqrt", [self]) { ct_rsqrt(handle) } }
    public func square() throws -> Tensor { try checked("square", [self]) { ct_square(handle) } }
    public func abs() throws -> Tensor { try checked("abs", [self]) { ct_abs(handle) } }
    public func relu() throws -> Tensor { try checked("relu", [self]) { ct_relu(handle) } }
    public func pow(_ exponent: Double) throws -> Tensor { try checked("pow", [self]) { ct_pow(handle, exponent) } }

    /// Each element, at least `min` and at most `max`; nil: no bound.
    public func clamped(min: Double? = nil, max: Double? = nil) throws -> Tensor {
        guard min != nil || max != nil else { return self }
        return try checked("clamped", [self]) { ct_clamp(handle, min ?? .nan, max ?? .nan) }
    }

    /// Whether elements are equal: bool.
    public func equal(_ other: Tensor) throws -> Tensor {
        try checked("equal", [self, other]) { ct_equal(handle, other.handle) }
    }

    /// `value` wherever `mask` (bool) is true.
    public func maskedFilled(_ mask: Tensor, _ value: Double) throws -> Tensor {
        try checked("maskedFilled", [self, mask]) { ct_masked_fill(handle, mask.handle, value) }
    }

    /// `a` wherever `condition` (bool) is true, else `b`.
    public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        try checked("where", [condition, a, b]) { ct_where(condition.handle, a.handle, b.handle) }
    }

    /// x / max(‖x‖₂, `epsilon`) along dimension `dim`, as PyTorch's `F.normalize`.
    public func l2Normalized(dim: Int, epsilon: Double = 1e-12) throws -> Tensor {
        try self / norm(dims: [dim], keepDimensions: true).clamped(min: epsilon)
    }
}
