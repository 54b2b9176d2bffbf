#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include "shim.h"

using namespace shim;

ct_result ct_reshape(ct_in a, const intptr_t *shape, intptr_t dimensions) {
    return tensor([&] { return a->value.reshape(sizes(shape, dimensions)); });
}

ct_result ct_transpose(ct_in a, intptr_t first, intptr_t second) {
    return tensor([&] { return a->value.transpose(int64_t{first}, int64_t{second}); });
}

ct_result ct_permute(ct_in a, const intptr_t *order, intptr_t dimensions) {
    return tensor([&] { return a->value.permute(sizes(order, dimensions)); });
}

ct_result ct_narrow(ct_in a, intptr_t dim, intptr_t start, intptr_t length) {
    return tensor([&] { return a->value.narrow(dim, int64_t{start}, length); });
}

ct_result ct_select(ct_in a, intptr_t dim, intptr_t index) {
    return tensor([&] { return a->value.select(int64_t{dim}, index); });
}

ct_result ct_flatten(ct_in a, intptr_t from) {
    return tensor([&] { return a->value.flatten(int64_t{from}, int64_t{-1}); });
}

ct_result ct_unsqueeze(ct_in a, intptr_t dim) {
    return tensor([&] { return a->value.unsqueeze(dim); });
}

ct_result ct_squeeze(ct_in a, intptr_t dim) {
    return tensor([&] { return a->value.squeeze(int64_t{dim}); });
}

ct_result ct_expand(ct_in a, const intptr_t *shape, intptr_t dimensions) {
    return tensor([&] { return a->value.expand(sizes(shape, dimensions)); });
}

ct_result ct_contiguous(ct_in a) {
    return tensor([&] { return a->value.contiguous(); });
}

ct_result ct_channels_last(ct_in a) {
    return tensor([&] {
        at::Tensor result = a->value.contiguous(at::MemoryFormat::ChannelsLast);
        // One channel lies the same way in both formats; the strides alone then tell convolution which to answer in.
        return result.size(1) == 1 ? result.squeeze(1).unsqueeze(-1).permute({0, 3, 1, 2}) : result;
    });
}

ct_result ct_convert(ct_in a, int type) {
    return tensor([&] { return a->value.to(scalarType(type)); });
}

ct_result ct_clone(ct_in a) {
    return tensor([&] { return a->value.clone(); });
}

ct_result ct_detach(ct_in a) {
    return tensor([&] { return a->value.detach(); });
}

ct_result ct_as_strided(
    ct_in a, const intptr_t *shape, const intptr_t *strides, intptr_t dimensions, intptr_t offset) {
    return tensor([&] {
        return a->value.as_strided(sizes(shape, dimensions), sizes(strides, dimensions), int64_t{offset});
    });
}

ct_result ct_concatenate(ct_list tensors, intptr_t count, intptr_t dim) {
    return tensor([&] { return at::cat(list(tensors, count), int64_t{dim}); });
}

ct_result ct_stack(ct_list tensors, intptr_t count, intptr_t dim) {
    return tensor([&] { return at::stack(list(tensors, count), int64_t{dim}); });
}

ct_result ct_index_select(ct_in a, intptr_t dim, ct_in indices) {
    return tensor([&] { return a->value.index_select(int64_t{dim}, indices->value); });
}

ct_result ct_gather(ct_in a, intptr_t dim, ct_in indices) {
    return tensor([&] { return a->value.gather(int64_t{dim}, indices->value); });
}

ct_result ct_scatter_add(ct_in a, intptr_t dim, ct_in indices, ct_in source) {
    return tensor([&] { return a->value.scatter_add(int64_t{dim}, indices->value, source->value); });
}
