import CReduction

/// How elements are combined. Floating-point results do not depend on the order of the two operands, bit for bit.
public enum ReductionOperation: Sendable, CaseIterable {
    /// The sum; integers wrap.
    case sum
    /// The larger one; NaN if either is NaN, and +0 of the two zeros.
    case max
}

/// What the reduction kernels know.
public enum ElementKind: Sendable, CaseIterable {
    case float, double, int32, int64, float16, bfloat16
}

/// A type whose buffers can be reduced.
public protocol ReducibleElement: BitwiseCopyable, Sendable {
    static var elementKind: ElementKind { get }
}

/// Each combination is computed in float32 and rounded to nearest even; sums from 65,520 on are infinite.
extension Float16: ReducibleElement {
    public static var elementKind: ElementKind { .float16 }
}

/// Each combination is computed in float32 and rounded to nearest even.
extension BFloat16: ReducibleElement {
    public static var elementKind: ElementKind { .bfloat16 }
}

extension Float: ReducibleElement {
    public static var elementKind: ElementKind { .float }
}

extension Double: ReducibleElement {
    public static var elementKind: ElementKind { .double }
}

extension Int32: ReducibleElement {
    public static var elementKind: ElementKind { .int32 }
}

extension Int64: ReducibleElement {
    public static var elementKind: ElementKind { .int64 }
}

/// A reduction of raw memory, its kernel already chosen.
struct Reduction {
    private let kernel: reduction_kernel
    private let kernelToBoth: reduction_kernel_to_both
    let elementBytes: Int
    /// How chunks of a ring travel; nil: as they are.
    let packing: ExactPacking?

    init(_ operation: ReductionOperation, _ kind: ElementKind, packing: ExactPacking? = nil) {
        self.packing = packing
        (kernel, kernelToBoth) =
            switch (operation, kind) {
            case (.sum, .float): (reduction_sum_float, reduction_sum_float_to_both)
            case (.sum, .double): (reduction_sum_double, reduction_sum_double_to_both)
            case (.sum, .int32): (reduction_sum_int32, reduction_sum_int32_to_both)
            case (.sum, .int64): (reduction_sum_int64, reduction_sum_int64_to_both)
            case (.sum, .float16): (reduction_sum_float16, reduction_sum_float16_to_both)
            case (.sum, .bfloat16): (reduction_sum_bfloat16, reduction_sum_bfloat16_to_both)
            case (.max, .float): (reduction_max_float, reduction_max_float_to_both)
            case (.max, .double): (reduction_max_double, reduction_max_double_to_both)
            case (.max, .int32): (reduction_max_int32, reduction_max_int32_to_both)
            case (.max, .int64): (reduction_max_int64, reduction_max_int64_to_both)
            case (.max, .float16): (reduction_max_float16, reduction_max_float16_to_both)
            case (.max, .bfloat16): (reduction_max_bfloat16, reduction_max_bfloat16_to_both)
            }
        elementBytes =
            switch kind {
            case .float16, .bfloat16: 2
            case .float, .int32: 4
            case .double, .int64: 8
            }
    }

    /// What is done to a chunk once its sum is complete, before others get it.
    func complete(_ chunk: UnsafeMutableRawPointer, bytes: Int) {
        if packing != nil { ExactPacking.round(chunk, count: bytes / elementBytes) }
    }

    /// Combines `left` and `right`, each `bytes` long, into `out`, which may be `left` itself.
    func callAsFunction(
        _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, into out: UnsafeMutableRawPointer, bytes: Int
    ) {
        kernel(out, left, right, bytes / elementBytes)
    }

    /// Combines `left` and `right`, each `bytes` long, into `out` and `also`, which may be `left` and `right` themselves.
    func callAsFunction(
        _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, into out: UnsafeMutableRawPointer,
        and also: UnsafeMutableRawPointer, bytes: Int
    ) {
        kernelToBoth(out, also, left, right, bytes / elementBytes)
    }
}
