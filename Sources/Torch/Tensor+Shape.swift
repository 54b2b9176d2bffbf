import CTorch

// Views share memory with the tensor that they are of, and gradients flow through them. Dimensions count from 0, or from
// −1 backwards.
extension Tensor {
    /// A view where the layout allows it, else a copy; one entry may be −1, "whatever is left".
    public func reshape(_ shape: [Int]) throws -> Tensor {
        try checked("reshape to \(shape)", [self]) { ct_reshape(handle, shape, shape.count) }
    }

    /// A view with dimensions `a` and `b` exchanged.
    public func transposed(_ a: Int, _ b: Int) throws -> Tensor {
        try checked("transposed", [self]) { ct_transpose(handle, a, b) }
    }

    /// A view whose dimension i is dimension `order[i]` of this tensor.
    public func permuted(_ order: [Int]) throws -> Tensor {
        try checked("permuted by \(order)", [self]) { ct_permute(handle, order, order.count) }
    }

    /// A view of `length` entries of dimension `dim` from `start`.
    public func narrowed(dim: Int, start: Int, length: Int) throws -> Tensor {
        try checked("narrowed", [self]) { ct_narrow(handle, dim, start, length) }
    }

    /// A view of entry `index` of dimension `dim`, without that dimension.
    public func selected(dim: Int, index: Int) throws -> Tensor {
        try checked("selected", [self]) { ct_select(handle, dim, index) }
    }

    /// Joins the dimensions from `from` on into one.
    public func flattened(from: Int = 0) throws -> Tensor {
        try checked("flattened", [self]) { ct_flatten(handle, from) }
    }

    /// A view with a dimension of size 1 put in at `dim`.
    public func unsqueezed(dim: Int) throws -> Tensor {
        try checked("unsqueezed", [self]) { ct_unsqueeze(handle, dim) }
    }

    /// A view without dimension `dim` where its size is 1, else unchanged.
    public func squeezed(dim: Int) throws -> Tensor {
        try checked("squeezed", [self]) { ct_squeeze(handle, dim) }
    }

    /// A view that repeats dimensions of size 1 up to `shape`; −1 leaves a dimension as it is.
    public func expanded(_ shape: [Int]) throws -> Tensor {
        try checked("expanded to \(shape)", [self]) { ct_expand(handle, shape, shape.count) }
    }

    /// In row-major order: the tensor itself where it already is, else a copy.
    public func contiguous() throws -> Tensor {
        try checked("contiguous", [self]) { ct_contiguous(handle) }
    }

    /// [N, C, H, W] in channels-last order: the tensor itself where it already is, else a copy.
    public func channelsLast() throws -> Tensor {
        try checked("channelsLast", [self]) { ct_channels_last(handle) }
    }

    /// In scalar type `type`: the tensor itself where it already is, else a copy.
    public func converted(to type: ScalarType) throws -> Tensor {
        try checked("converted to \(type)", [self]) { ct_convert(handle, type.number) }
    }

    /// A copy with the same layout; gradients flow through it.
    public func cloned() throws -> Tensor {
        try checked("cloned", [self]) { ct_clone(handle) }
    }

    /// The same memory without history: no gradient flows through it.
    public func detached() throws -> Tensor {
        try checked("detached", [self]) { ct_detach(handle) }
    }

    /// A view of the tensor's storage; `strides` and `offset` in elements of the storage.
    public func asStrided(_ shape: [Int], strides: [Int], offset: Int = 0) throws -> Tensor {
        guard shape.count == strides.count else {
            throw TorchError("asStrided", [self], reason: "shape \(shape) and strides \(strides) differ in length")
        }
        return try checked("asStrided \(shape) by \(strides) from \(offset)", [self]) {
            ct_as_strided(handle, shape, strides, shape.count, offset)
        }
    }

    /// `tensors` one after the other along dimension `dim`.
    public static func concatenated(_ tensors: [Tensor], dim: Int) throws -> Tensor {
        try checked("concatenated", tensors) { ct_concatenate(tensors.handles, tensors.count, dim) }
    }

    /// `tensors` of equal shape along a new dimension `dim`.
    public static func stacked(_ tensors: [Tensor], dim: Int) throws -> Tensor {
        try checked("stacked", tensors) { ct_stack(tensors.handles, tensors.count, dim) }
    }

    /// The entries `indices` ([k] int64) of dimension `dim`.
    public func indexSelected(dim: Int, indices: Tensor) throws -> Tensor {
        try checked("indexSelected", [self, indices]) { ct_index_select(handle, dim, indices.handle) }
    }

    /// out[i][j] = self[i][indices[i][j]] for `dim` 1 of a matrix, and so on; `indices` int64.
    public func gathered(dim: Int, indices: Tensor) throws -> Tensor {
        try checked("gathered", [self, indices]) { ct_gather(handle, dim, indices.handle) }
    }

    /// This tensor plus the elements of `source`, each at the place along `dim` that `indices` (int64) names.
    public func scatterAdded(dim: Int, indices: Tensor, source: Tensor) throws -> Tensor {
        try checked("scatterAdded", [self, indices, source]) {
            ct_scatter_add(handle, dim, indices.handle, source.handle)
        }
    }
}

extension [Tensor] {
    var handles: [OpaquePointer?] { map { $0.handle } }
}
