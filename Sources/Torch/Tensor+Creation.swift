import CTorch

extension Tensor {
    public static func zeros(_ shape: [Int], _ type: ScalarType = .float32) throws -> Tensor {
        try full(shape, 0, type)
    }

    public static func ones(_ shape: [Int], _ type: ScalarType = .float32) throws -> Tensor {
        try full(shape, 1, type)
    }

    /// Every element is `value`.
    public static func full(_ shape: [Int], _ value: Double, _ type: ScalarType = .float32) throws -> Tensor {
        try checked("full\(shape)", []) { ct_full(shape, shape.count, value, type.number) }
    }

    /// Elements are undefined; `channelsLast` is for [N, C, H, W] only.
    public static func empty(
        _ shape: [Int], _ type: ScalarType = .float32, channelsLast: Bool = false
    ) throws -> Tensor {
        try checked("empty\(shape)", []) { ct_empty(shape, shape.count, type.number, channelsLast ? 1 : 0) }
    }

    /// 0, 1, … `count` − 1 as int64.
    public static func arange(_ count: Int) throws -> Tensor {
        try checked("arange(\(count))", []) { ct_arange(count) }
    }

    /// The identity matrix [`count`, `count`].
    public static func eye(_ count: Int, _ type: ScalarType = .float32) throws -> Tensor {
        try checked("eye(\(count))", []) { ct_eye(count, type.number) }
    }

    /// `values` in row-major order.
    public convenience init(_ values: [Float], shape: [Int]) throws {
        try self.init(copyingElements: values, shape: shape, type: .float32)
    }

    /// `values` in row-major order.
    public convenience init(_ values: [Double], shape: [Int]) throws {
        try self.init(copyingElements: values, shape: shape, type: .float64)
    }

    /// `values` in row-major order.
    public convenience init(_ values: [Int64], shape: [Int]) throws {
        try self.init(copyingElements: values, shape: shape, type: .int64)
    }

    /// `values` in row-major order.
    public convenience init(_ values: [UInt8], shape: [Int]) throws {
        try self.init(copyingElements: values, shape: shape, type: .uint8)
    }

    private convenience init<Element>(copyingElements values: [Element], shape: [Int], type: ScalarType) throws {
        let handle = try values.withUnsafeBytes { try Self.copyingHandle($0, shape: shape, type: type) }
        self.init(owning: handle)
    }

    /// `bytes`: the elements in row-major order and native byte order, copied. Throws `TorchError` when their number is
    /// not what `shape` and `type` need.
    public static func copying(bytes: UnsafeRawBufferPointer, shape: [Int], type: ScalarType) throws -> Tensor {
        Tensor(owning: try copyingHandle(bytes, shape: shape, type: type))
    }

    private static func copyingHandle(
        _ bytes: UnsafeRawBufferPointer, shape: [Int], type: ScalarType
    ) throws -> OpaquePointer {
        try checkedHandle("copying into \(type) \(shape)", []) {
            ct_copying(bytes.baseAddress, bytes.count, shape, shape.count, type.number)
        }
    }

    /// A tensor over `memory` itself, which is not copied.
    ///
    /// - Parameters:
    ///   - strides: in elements; nil: row-major.
    ///   - keepAlive: whatever owns the memory; held until the last tensor that uses the memory is gone.
    public static func view(
        memory: UnsafeMutableRawPointer, shape: [Int], strides: [Int]? = nil, type: ScalarType, keepAlive: AnyObject?
    ) throws -> Tensor {
        if let strides, strides.count != shape.count {
            throw TorchError("view", [], reason: "shape \(shape) and strides \(strides) differ in length")
        }
        let owner = keepAlive.map { Unmanaged.passRetained($0).toOpaque() }
        return try checked("view\(shape)", []) {
            ct_view_memory(memory, shape, strides, shape.count, type.number, owner) { owner in
                if let owner { Unmanaged<AnyObject>.fromOpaque(owner).release() }
            }
        }
    }
}
