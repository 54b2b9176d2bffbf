import CTorch

// Shapes broadcast: compared from the last dimension on, sizes must be equal or one of them 1 or absent.
extension Tensor {
    public static func + (a: Tensor, b: Tensor) throws -> Tensor {
        try checked("+", [a, b]) { ct_add(a.handle, b.handle) }
    }

    public static func - (a: Tensor, b: Tensor) throws -> Tensor {
        try checked("-", [a, b]) { ct_subtract(a.handle, b.handle) }
    }

    public static func * (a: Tensor, b: Tensor) throws -> Tensor {
        try checked("*", [a, b]) { ct_multiply(a.handle, b.handle) }
    }

    public static func / (a: Tensor, b: Tensor) throws -> Tensor {
        try checked("/", [a, b]) { ct_divide(a.handle, b.handle) }
    }

    public static func + (a: Tensor, b: Double) throws -> Tensor {
        try checked("+", [a]) { ct_add_number(a.handle, b) }
    }

    public static func - (a: Tensor, b: Double) throws -> Tensor {
        try checked("-", [a]) { ct_add_number(a.handle, -b) }
    }

    public static func * (a: Tensor, b: Double) throws -> Tensor {
        try checked("*", [a]) { ct_multiply_number(a.handle, b) }
    }

    public static func / (a: Tensor, b: Double) throws -> Tensor {
        try checked("/", [a]) { ct_divide_number(a.handle, b) }
    }

    public static func + (a: Double, b: Tensor) throws -> Tensor { try b + a }

    public static func - (a: Double, b: Tensor) throws -> Tensor {
        try checked("-", [b]) { ct_number_subtract(a, b.handle) }
    }

    public static func * (a: Double, b: Tensor) throws -> Tensor { try b * a }

    public static func / (a: Double, b: Tensor) throws -> Tensor {
        try checked("/", [b]) { ct_number_divide(a, b.handle) }
    }

    public static prefix func - (a: Tensor) throws -> Tensor {
        try checked("-", [a]) { ct_negate(a.handle) }
    }
}

// In place: the shape stays, `other` broadcasts to it. A leaf that requires gradient may only be changed within
// `withoutGradient`.
extension Tensor {
    /// self += scale · other.
    public func addInPlace(_ other: Tensor, scale: Double = 1) throws {
        try check("addInPlace", [self, other]) { ct_add_(handle, other.handle, scale) }
    }

    public func multiplyInPlace(_ factor: Double) throws {
        try check("multiplyInPlace", [self]) { ct_multiply_number_(handle, factor) }
    }

    public func multiplyInPlace(_ other: Tensor) throws {
        try check("multiplyInPlace", [self, other]) { ct_multiply_(handle, other.handle) }
    }

    /// The exponential function of each element.
    public func expInPlace() throws {
        try check("expInPlace", [self]) { ct_exp_(handle) }
    }

    public func zeroInPlace() throws {
        try fillInPlace(0)
    }

    public func fillInPlace(_ value: Double) throws {
        try check("fillInPlace", [self]) { ct_fill_(handle, value) }
    }

    /// Copies the elements, converting the scalar type; layouts may differ.
    public func copyInPlace(from source: Tensor) throws {
        try check("copyInPlace", [self, source]) { ct_copy_(handle, source.handle) }
    }

    /// self += scale · a · b, by elements.
    public func addcmulInPlace(_ a: Tensor, _ b: Tensor, scale: Double = 1) throws {
        try check("addcmulInPlace", [self, a, b]) { ct_addcmul_(handle, a.handle, b.handle, scale) }
    }

    /// self += scale · a / b, by elements.
    public func addcdivInPlace(_ a: Tensor, _ b: Tensor, scale: Double = 1) throws {
        try check("addcdivInPlace", [self, a, b]) { ct_addcdiv_(handle, a.handle, b.handle, scale) }
    }

    /// self += weight · (target − self).
    public func lerpInPlace(towards target: Tensor, weight: Double) throws {
        try check("lerpInPlace", [self, target]) { ct_lerp_(handle, target.handle, weight) }
    }
}
