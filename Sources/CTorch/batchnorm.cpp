// Fused batch normalisation: shapes, layout and threads. The loops are in batchnorm_kernels.cpp.

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "batchnorm_kernels.h"
#include "parallel.h"
#include "shim.h"

using namespace shim;
using namespace shim::norm;

namespace {

at::MemoryFormat formatOf(const at::Tensor &tensor) {
    return tensor.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

/// `tensor` with its channels last in memory.
at::Tensor laidOut(const at::Tensor &tensor) {
    TORCH_CHECK(tensor.dim() == 2 || tensor.dim() == 4, "expected [N, C] or [N, C, H, W]");
    TORCH_CHECK(
        tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble, "expected float32 or float64, not ",
        tensor.scalar_type());
    return tensor.detach().contiguous(formatOf(tensor));
}

/// `tensor` laid out, which must be like `input`; undefined stays undefined.
at::Tensor laidOutLike(const at::Tensor &input, const at::Tensor &tensor) {
    if (!tensor.defined()) return tensor;
    TORCH_CHECK(
        tensor.sizes() == input.sizes() && tensor.scalar_type() == input.scalar_type(),
        "shape and type must be those of the input");
    return laidOut(tensor);
}

/// How the elements of a tensor are cut into rows and the rows into blocks.
///
/// A row holds the channels once or, where they are few or do not fill vectors, several times: an inner loop is then
/// long, and the arrays that belong to channels are repeated accordingly. The cut depends on the shape alone, so sums
/// come out the same at any number of threads.
struct Cut {
    int64_t channels, repeats, width, elements, blockElements, blocks;

    explicit Cut(const at::Tensor &tensor) : channels(tensor.size(1)), elements(tensor.numel()) {
        constexpr int64_t vector = 16, least = 128, most = 2048, elementsPerBlock = 1 << 15, mostBlocks = 64;
        repeats = channels > 0 ? vector / std::gcd(channels, vector) : 1;
        if (channels * repeats > most) repeats = 1;
        while (channels > 0 && channels * repeats < least) repeats *= 2;
        width = channels * repeats;
        int64_t rows = width > 0 ? (elements + width - 1) / width : 0;
        int64_t wanted = std::clamp<int64_t>(elements / elementsPerBlock, 1, mostBlocks);
        int64_t rowsPerBlock = std::max<int64_t>((rows + wanted - 1) / wanted, 1);
        blockElements = rowsPerBlock * width;
        blocks = (rows + rowsPerBlock - 1) / rowsPerBlock;
    }

    /// Calls `body(block, first element, rows, width)` for the whole rows of each block, and once more for a row that
    /// the last block has only in part. Blocks run on several threads.
    template <typename Body>
    void run(Body body) const {
        parallel(blocks, [&](int64_t block) {
            int64_t first = block * blockElements;
            int64_t count = std::min(blockElements, elements - first);
            int64_t rows = count / width, rest = count % width;
            body(block, first, rows, width);
            if (rest > 0) body(block, first + rows * width, int64_t{1}, rest);
        });
    }

    /// Room for `perRow` sums for each element of a row, for each block.
    at::Tensor partialSums(int64_t perRow) const {
        return at::zeros({blocks, perRow, width}, at::kDouble);
    }

    /// Adds up what the blocks and the repeats of a channel have: [perRow, C].
    at::Tensor total(const at::Tensor &partial) const {
        return partial.reshape({blocks, partial.size(1), repeats, channels}).sum(at::IntArrayRef({0, 2}));
    }

    /// A vector [C], repeated along a row and in type T.
    template <typename T>
    at::Tensor alongRow(ct_in vector) const {
        TORCH_CHECK(
            vector->value.dim() == 1 && vector->value.size(0) == channels, "expected one number for each of the ",
            channels, " channels");
        return vector->value.to(c10::CppTypeToScalarType<T>::value).repeat({repeats});
    }
};

template <typename T>
const T *pointer(const at::Tensor &tensor) {
    return tensor.defined() ? static_cast<const T *>(tensor.data_ptr()) : nullptr;
}

template <typename T>
T *mutablePointer(const at::Tensor &tensor) {
    return tensor.defined() ? static_cast<T *>(tensor.data_ptr()) : nullptr;
}

/// `base + offset`, and null where there is no base.
template <typename T>
T *advanced(T *base, int64_t offset) {
    return base ? base + offset : nullptr;
}

/// Calls `body` with a zero of the tensor's type.
template <typename Body>
at::Tensor dispatched(const at::Tensor &tensor, Body body) {
    return tensor.scalar_type() == at::kFloat ? body(float{}) : body(double{});
}

}  // namespace

ct_result ct_norm_statistics(ct_in input) {
    return tensor([&] {
        at::Tensor x = laidOut(input->value);
        Cut cut(x);
        at::Tensor partial = cut.partialSums(2);
        auto *sums = mutablePointer<double>(partial);
        at::Tensor result = at::empty({2 * cut.channels + 1}, at::kDouble);
        dispatched(x, [&](auto zero) {
            auto *from = pointer<decltype(zero)>(x);
            cut.run([&](int64_t block, int64_t first, int64_t rows, int64_t width) {
                double *own = sums + block * 2 * cut.width;
                addStatistics(from + first, rows, width, own, own + cut.width);
            });
            return at::Tensor();
        });
        result.narrow(0, 0, 2 * cut.channels).copy_(cut.total(partial).flatten());
        result[-1].fill_(static_cast<double>(cut.channels > 0 ? cut.elements / cut.channels : 0));
        return result;
    });
}

ct_result ct_norm_forward(ct_in input, ct_in mean, ct_in scale, ct_in shift, ct_optional residual, int relu) {
    return tensor([&] {
        at::Tensor x = laidOut(input->value);
        at::Tensor z = laidOutLike(x, optional(residual));
        at::Tensor y = at::empty_like(x, x.options(), formatOf(x));
        return dispatched(x, [&](auto zero) {
            using T = decltype(zero);
            Cut cut(x);
            auto means = cut.alongRow<T>(mean), scales = cut.alongRow<T>(scale), shifts = cut.alongRow<T>(shift);
            Channels<T> channels{pointer<T>(means), pointer<T>(scales), pointer<T>(shifts), nullptr, nullptr};
            cut.run([&](int64_t, int64_t first, int64_t rows, int64_t width) {
                normalise(
                    pointer<T>(x) + first, advanced(pointer<T>(z), first), mutablePointer<T>(y) + first, rows, width,
                    channels, relu != 0);
            });
            return y;
        });
    });
}

ct_result ct_norm_backward_sums(
    ct_in gradient, ct_in input, ct_in mean, ct_in scale, ct_in shift, ct_optional output, int relu,
    ct_result *gated) {
    return tensor([&] {
        at::Tensor x = laidOut(input->value);
        at::Tensor dy = laidOutLike(x, gradient->value);
        at::Tensor y = laidOutLike(x, optional(output));
        at::Tensor passed = gated ? at::empty_like(x, x.options(), formatOf(x)) : at::Tensor();
        Gate gate = !relu ? Gate::all : y.defined() ? Gate::byOutput : Gate::recomputed;
        Cut cut(x);
        at::Tensor partial = cut.partialSums(2);
        auto *sums = mutablePointer<double>(partial);
        dispatched(x, [&](auto zero) {
            using T = decltype(zero);
            auto means = cut.alongRow<T>(mean), scales = cut.alongRow<T>(scale), shifts = cut.alongRow<T>(shift);
            Channels<T> channels{pointer<T>(means), pointer<T>(scales), pointer<T>(shifts), nullptr, nullptr};
            cut.run([&](int64_t block, int64_t first, int64_t rows, int64_t width) {
                double *own = sums + block * 2 * cut.width;
                addBackwardSums(
                    pointer<T>(dy) + first, pointer<T>(x) + first, advanced(pointer<T>(y), first),
                    advanced(mutablePointer<T>(passed), first), rows, width, channels, gate, own, own + cut.width);
            });
            return at::Tensor();
        });
        at::Tensor result = cut.total(partial).flatten();
        if (gated) *gated = wrap(passed);
        return result;
    });
}

ct_result ct_norm_backward_input(
    ct_in gradient, ct_in input, ct_in mean, ct_in scale, ct_in shift, ct_in offset, ct_in slope, int relu) {
    return tensor([&] {
        at::Tensor x = laidOut(input->value);
        at::Tensor dy = laidOutLike(x, gradient->value);
        at::Tensor dx = at::empty_like(x, x.options(), formatOf(x));
        return dispatched(x, [&](auto zero) {
            using T = decltype(zero);
            Cut cut(x);
            auto means = cut.alongRow<T>(mean), scales = cut.alongRow<T>(scale), shifts = cut.alongRow<T>(shift);
            auto offsets = cut.alongRow<T>(offset), slopes = cut.alongRow<T>(slope);
            Channels<T> channels{
                pointer<T>(means), pointer<T>(scales), pointer<T>(shifts), pointer<T>(offsets), pointer<T>(slopes)};
            cut.run([&](int64_t, int64_t first, int64_t rows, int64_t width) {
                inputGradient(
                    pointer<T>(dy) + first, pointer<T>(x) + first, mutablePointer<T>(dx) + first, rows, width,
                    channels, relu ? Gate::recomputed : Gate::all);
            });
            return dx;
        });
    });
}
