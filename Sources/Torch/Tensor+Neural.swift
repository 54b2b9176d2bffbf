import CTorch

// Over [N, C, H, W]; what comes in channels-last goes out channels-last.
extension Tensor {
    /// [N, in, H, W] → [N, out, H', W'] with `weight` [out, in / groups, kernel, kernel] and `bias` [out].
    public func conv2d(
        weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1
    ) throws -> Tensor {
        try checked("conv2d", [self, weight, bias]) {
            ct_conv2d(handle, weight.handle, bias?.handle, stride, padding, dilation, groups)
        }
    }

    /// The maximum over windows of `kernel` × `kernel`; `padding` counts as −∞.
    public func maxPool2d(kernel: Int, stride: Int, padding: Int = 0) throws -> Tensor {
        try checked("maxPool2d", [self]) { ct_max_pool2d(handle, kernel, stride, padding) }
    }

    /// The mean over height and width: [N, C, H, W] → [N, C].
    public func globalAveragePool() throws -> Tensor {
        guard dimensions == 4 else {
            throw TorchError("globalAveragePool", [self], reason: "expected [N, C, H, W]")
        }
        return try mean(dims: [2, 3])
    }

    /// x·Wᵀ + b: [N, in] → [N, out] with `weight` [out, in] and `bias` [out].
    public func linear(weight: Tensor, bias: Tensor? = nil) throws -> Tensor {
        try checked("linear", [self, weight, bias]) { ct_linear(handle, weight.handle, bias?.handle) }
    }

    /// (x − mean) / √(variance + ε) · weight + bias for each channel, from kept statistics; all four are [C].
    public func batchNormInference(
        mean: Tensor, variance: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
    ) throws -> Tensor {
        try checked("batchNormInference", [self, mean, variance, weight, bias]) {
            ct_batch_norm_inference(handle, mean.handle, variance.handle, weight?.handle, bias?.handle, epsilon)
        }
    }
}
