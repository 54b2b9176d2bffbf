#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/thnn_conv2d.h>

#include <array>

#include "narrow_convolution.h"
#include "shim.h"

using namespace shim;

namespace {

/// The same value for height and width.
std::array<int64_t, 2> both(intptr_t value) {
    return {value, value};
}

}  // namespace

ct_result ct_conv2d(
    ct_in input, ct_in weight, ct_optional bias, intptr_t stride, intptr_t padding, intptr_t dilation,
    intptr_t groups) {
    return tensor([&] {
        const at::Tensor &kernel = weight->value;
        if (isNarrow(kernel) && groups == 1 && dilation == 1 && input->value.dim() == 4) {
            TORCH_CHECK(input->value.size(1) == kernel.size(1), "input and weight differ in channels");
            return at::thnn_conv2d(
                input->value, kernel, {kernel.size(2), kernel.size(3)}, optional(bias), both(stride), both(padding));
        }
        return at::conv2d(
            input->value, weight->value, optional(bias), both(stride), both(padding), both(dilation), int64_t{groups});
    });
}

ct_result ct_max_pool2d(ct_in input, intptr_t kernel, intptr_t stride, intptr_t padding) {
    return tensor([&] {
        return at::max_pool2d(input->value, both(kernel), both(stride), both(padding));
    });
}

ct_result ct_linear(ct_in input, ct_in weight, ct_optional bias) {
    return tensor([&] { return at::linear(input->value, weight->value, optional(bias)); });
}

ct_result ct_batch_norm_inference(
    ct_in input, ct_in mean, ct_in variance, ct_optional weight, ct_optional bias, double epsilon) {
    return tensor([&] {
        return at::batch_norm(
            input->value, optional(weight), optional(bias), mean->value, variance->value, /*training=*/false,
            /*momentum=*/0, epsilon, /*cudnn_enabled=*/false);
    });
}
