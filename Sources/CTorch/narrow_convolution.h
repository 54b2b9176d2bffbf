#pragma once
#include <ATen/core/Tensor.h>

namespace shim {

/// Whether a convolution has too few channels for oneDNN, whose kernels for AVX2 work on eight at a time: with fewer, the
/// backward of version 2.6 (libtorch 1.13) writes beyond its buffers. One and three input channels, those of images, have
/// kernels of their own. libtorch's own convolution takes these; with so few channels it costs nothing.
inline bool isNarrow(const at::Tensor &weight) {
    if (weight.dim() != 4) return false;
    int64_t outputs = weight.size(0), inputs = weight.size(1);
    return outputs < 8 || (inputs < 8 && inputs != 1 && inputs != 3);
}

}  // namespace shim
