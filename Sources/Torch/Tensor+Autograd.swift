import CTorch

extension Tensor {
    /// Makes a leaf (a tensor that no recorded operation made) collect its gradient, or no longer.
    public func setRequiresGradient(_ required: Bool) throws {
        try check("setRequiresGradient", [self]) { ct_set_requires_gradient(handle, required ? 1 : 0) }
    }

    /// Adds to the `gradient` of every leaf that this tensor was computed from, on this thread.
    ///
    /// - Parameters:
    ///   - gradient: of the objective with respect to this tensor; nil is 1, for a scalar.
    ///   - retainGraph: keep what is needed to run backward again.
    /// - Throws: `TorchError`, or the very error that a custom function's backward threw.
    public func backward(_ gradient: Tensor? = nil, retainGraph: Bool = false) throws {
        try check("backward", [self, gradient]) { ct_backward(handle, gradient?.handle, retainGraph ? 1 : 0) }
    }

    /// As `backward` of the sum of each of `tensors` times its gradient, in one pass.
    public static func backward(_ tensors: [Tensor], gradients: [Tensor]) throws {
        precondition(tensors.count == gradients.count, "a gradient for each tensor")
        try check("backward", tensors + gradients) {
            ct_backward_all(tensors.handles, gradients.handles, tensors.count)
        }
    }

    /// What backward has added up for this leaf, or nil.
    public var gradient: Tensor? { ct_gradient(handle).map(Tensor.init(owning:)) }

    /// Puts `gradient`, of the same shape, in place; later backward passes add to it in its own memory, so it may be a
    /// view of a larger buffer.
    public func setGradient(_ gradient: Tensor?) throws {
        try check("setGradient", [self, gradient]) { ct_set_gradient(handle, gradient?.handle) }
    }

    /// Makes this leaf use the memory of `data`, of the same shape and type; its values become those of `data`.
    public func setData(_ data: Tensor) throws {
        try check("setData", [self, data]) { ct_set_data(handle, data.handle) }
    }

    /// Calls `body` each time that the gradient of this leaf has been accumulated, on the thread that runs backward,
    /// for as long as the returned object is held.
    public func onGradientReady(_ body: @escaping () -> Void) throws -> GradientHook {
        let context = Unmanaged.passRetained(GradientHook.Body(body)).toOpaque()
        let handle = ct_on_gradient(self.handle, context) { context in
            guard let context else { return }
            Unmanaged<GradientHook.Body>.fromOpaque(context).takeUnretainedValue().call()
        } _: { context in
            if let context { Unmanaged<GradientHook.Body>.fromOpaque(context).release() }
        }
        try check("onGradientReady", [self]) { handle == nil ? -1 : 0 }
        return GradientHook(handle)
    }
}

/// A call that waits for a leaf's gradient; it ends when this object goes.
///
/// `@unchecked Sendable`: the handle never changes, and switching off is guarded by a lock in the shim.
public final class GradientHook: @unchecked Sendable {
    final class Body {
        let call: () -> Void

        init(_ call: @escaping () -> Void) {
            self.call = call
        }
    }

    private let handle: OpaquePointer?

    init(_ handle: OpaquePointer?) {
        self.handle = handle
    }

    deinit {
        if let handle { ct_hook_release(handle) }
    }
}
