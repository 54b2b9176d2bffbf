// Gradients of single operations, and their exact sum: what a trainer needs that sums gradients slice by slice.
#include <ATen/ops/_slow_conv2d_backward.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty_strided.h>

#include "narrow_convolution.h"
#include "shim.h"

using namespace shim;

#if defined(__x86_64__) && defined(__ELF__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

namespace {

/// sum += gradient, each addend first rounded to a multiple of `quantum`.
///
/// Adding 1.5 · 2^52 quanta leaves no bits below one quantum; taking them off again is exact. The compiler may not
/// reorder this: the target is built without fast-math.
template <typename T>
__attribute__((always_inline)) inline void addRows(double *sum, const T *gradient, int64_t count, double magic) {
    for (int64_t i = 0; i < count; i++) {
        sum[i] += (double(gradient[i]) + magic) - magic;
    }
}

FOR_EACH_PROCESSOR
void addRounded(double *sum, const float *gradient, int64_t count, double magic) {
    addRows(sum, gradient, count, magic);
}

FOR_EACH_PROCESSOR
void addRounded(double *sum, const double *gradient, int64_t count, double magic) {
    addRows(sum, gradient, count, magic);
}

}  // namespace

ct_result ct_convolution_gradient(
    ct_in gradient, ct_in input, ct_in weight, intptr_t stride, intptr_t padding, int of_weight) {
    return tensor([&] {
        int64_t strides[] = {stride, stride}, paddings[] = {padding, padding}, ones[] = {1, 1}, zeros[] = {0, 0};
        const at::Tensor &kernel = weight->value;
        std::array<bool, 3> wanted = {!of_weight, of_weight != 0, false};
        auto all = isNarrow(kernel)
            ? at::_slow_conv2d_backward(
                  gradient->value, input->value, kernel, {kernel.size(2), kernel.size(3)}, strides, paddings, wanted)
            : at::convolution_backward(
                  gradient->value, input->value, kernel, c10::nullopt, strides, paddings, ones, false, zeros, 1, wanted);
        return of_weight ? std::get<1>(all) : std::get<0>(all);
    });
}

int ct_add_rounded(ct_in sum, ct_in gradient, double quantum) {
    return status([&] {
        const at::Tensor &into = sum->value;
        TORCH_CHECK(into.scalar_type() == at::kDouble, "the sum must be float64");
        TORCH_CHECK(into.sizes() == gradient->value.sizes(), "sum and gradient differ in shape");
        TORCH_CHECK(into.is_non_overlapping_and_dense(), "the sum's memory has gaps");
        // In the order of the sum's memory, whatever order the operation left its gradient in.
        at::Tensor from = gradient->value;
        if (from.strides() != into.strides()) {
            from = at::empty_strided(into.sizes(), into.strides(), from.options()).copy_(from);
        }
        double magic = quantum * 0x1.8p52;
        if (from.scalar_type() == at::kDouble) {
            addRounded(into.data_ptr<double>(), from.data_ptr<double>(), into.numel(), magic);
        } else {
            TORCH_CHECK(from.scalar_type() == at::kFloat, "the gradient must be float32 or float64");
            addRounded(into.data_ptr<double>(), from.data_ptr<float>(), into.numel(), magic);
        }
    });
}
