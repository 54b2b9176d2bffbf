#include "parallel.h"

#define AT_PER_OPERATOR_HEADERS

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/arange.h>

namespace shim {

// at::parallel_for is a template around an OpenMP pragma, and the toolchain's clang has no OpenMP runtime: in this file
// it would run on one thread. The tensor iterator's loop is compiled into libtorch and runs on its threads, so the
// block numbers are laid out as a tensor and iterated over.
void parallel(int64_t count, const std::function<void(int64_t)> &body) {
    if (count <= 1 || at::get_num_threads() == 1) {
        for (int64_t i = 0; i < count; i++) body(i);
        return;
    }
    at::Tensor numbers = at::arange(count, at::kLong);
    auto iterator = at::TensorIterator::nullary_op(numbers);
    auto loop = [&](char **data, const int64_t *strides, int64_t length) {
        for (int64_t i = 0; i < length; i++) body(*reinterpret_cast<int64_t *>(data[0] + i * strides[0]));
    };
    iterator.for_each(loop, /*grain_size=*/1);
}

}  // namespace shim
