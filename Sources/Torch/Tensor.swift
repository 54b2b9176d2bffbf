import CTorch

/// An n-dimensional array of libtorch, shared by reference: views and in-place operations act on the same memory.
///
/// Every operation throws `TorchError` with its name, the shapes of its inputs and libtorch's first line.
///
/// `@unchecked Sendable`: the handle never changes and libtorch counts references atomically. As with any shared
/// memory, writing to a tensor while another thread uses it is the caller's to prevent.
public final class Tensor: @unchecked Sendable {
    let handle: OpaquePointer

    /// Takes over `handle`, a `ct_tensor`.
    init(owning handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        ct_release(handle)
    }

    // MARK: Properties

    /// The size of each dimension; empty for a scalar.
    public var shape: [Int] {
        let dimensions = ct_dimensions(handle)
        return Array(unsafeUninitializedCapacity: dimensions) { buffer, count in
            if let start = buffer.baseAddress { ct_shape(handle, start) }
            count = dimensions
        }
    }

    /// The distance in elements between neighbours along each dimension.
    public var strides: [Int] {
        let dimensions = ct_dimensions(handle)
        return Array(unsafeUninitializedCapacity: dimensions) { buffer, count in
            if let start = buffer.baseAddress { ct_strides(handle, start) }
            count = dimensions
        }
    }

    /// The number of dimensions.
    public var dimensions: Int { ct_dimensions(handle) }

    /// The number of elements.
    public var count: Int { ct_count(handle) }

    public var scalarType: ScalarType {
        guard let type = ScalarType(number: ct_scalar_type(handle)) else {
            preconditionFailure("an operation returned a tensor of a type that this module does not know")
        }
        return type
    }

    public var requiresGradient: Bool { ct_requires_gradient(handle) != 0 }

    /// Whether the elements lie in row-major order without gaps.
    public var isContiguous: Bool { ct_is_contiguous(handle) != 0 }

    /// Whether this is [N, C, H, W] with the channels of a pixel next to each other in memory, without gaps.
    public var isChannelsLast: Bool { ct_is_channels_last(handle) != 0 }
}

extension Tensor: CustomStringConvertible {
    /// Type and shape, and the values of a small tensor, for example `float32 [2] (1.0, 2.0)`.
    public var description: String {
        let head = "\(scalarType) \(shape)"
        guard count <= 8, let values = try? doubles() else { return head }
        return "\(head) (\(values.map { "\($0)" }.joined(separator: ", ")))"
    }
}
