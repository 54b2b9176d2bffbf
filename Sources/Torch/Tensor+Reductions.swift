import CTorch

// `keepDimensions`: the reduced dimensions stay, with size 1.
extension Tensor {
    /// Over all elements: a scalar.
    public func sum() throws -> Tensor { try checked("sum", [self]) { ct_sum(handle, nil, 0, 0) } }

    public func sum(dims: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try checked("sum over \(dims)", [self]) { ct_sum(handle, dims, dims.count, keepDimensions ? 1 : 0) }
    }

    /// Over all elements: a scalar.
    public func mean() throws -> Tensor { try checked("mean", [self]) { ct_mean(handle, nil, 0, 0) } }

    public func mean(dims: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try checked("mean over \(dims)", [self]) { ct_mean(handle, dims, dims.count, keepDimensions ? 1 : 0) }
    }

    /// The Euclidean norm of all elements: a scalar.
    public func norm() throws -> Tensor { try checked("norm", [self]) { ct_norm(handle, nil, 0, 0) } }

    /// Euclidean norms.
    public func norm(dims: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try checked("norm over \(dims)", [self]) { ct_norm(handle, dims, dims.count, keepDimensions ? 1 : 0) }
    }

    /// Maxima; among equals the gradient is shared.
    public func amax(dims: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try checked("amax over \(dims)", [self]) { ct_amax(handle, dims, dims.count, keepDimensions ? 1 : 0) }
    }

    /// log Σ exp, with the maximum subtracted first.
    public func logSumExp(dims: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try checked("logSumExp over \(dims)", [self]) {
            ct_log_sum_exp(handle, dims, dims.count, keepDimensions ? 1 : 0)
        }
    }

    public func softmax(dim: Int) throws -> Tensor { try checked("softmax", [self]) { ct_softmax(handle, dim) } }

    public func logSoftmax(dim: Int) throws -> Tensor {
        try checked("logSoftmax", [self]) { ct_log_softmax(handle, dim) }
    }

    /// The place of the maximum along `dim`: int64.
    public func argmax(dim: Int) throws -> Tensor { try checked("argmax", [self]) { ct_argmax(handle, dim) } }

    /// The maximum along `dim` and its place (int64).
    public func maximum(dim: Int) throws -> (values: Tensor, indices: Tensor) {
        try checkedPair("maximum", [self]) { ct_max(handle, dim, $0, $1) }
    }

    /// The `k` largest (else smallest) entries along `dim`, best first, and their places (int64).
    public func topK(_ k: Int, dim: Int, largest: Bool = true) throws -> (values: Tensor, indices: Tensor) {
        try checkedPair("topK \(k)", [self]) { ct_top_k(handle, k, dim, largest ? 1 : 0, $0, $1) }
    }

    /// The entries along `dim` in order, and where they were (int64).
    public func sorted(dim: Int, descending: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        try checkedPair("sorted", [self]) { ct_sort(handle, dim, descending ? 1 : 0, $0, $1) }
    }

    /// The singular values of a matrix [m, n], falling: [min(m, n)].
    public func svdvals() throws -> Tensor { try checked("svdvals", [self]) { ct_svdvals(handle) } }
}
