#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>

#include <cstring>

#include "shim.h"

using namespace shim;

namespace {

at::TensorOptions options(int type) {
    return at::TensorOptions().dtype(scalarType(type));
}

}  // namespace

ct_result ct_empty(const intptr_t *shape, intptr_t dimensions, int type, int channels_last) {
    return tensor([&] {
        auto format = channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
        return at::empty(sizes(shape, dimensions), options(type), format);
    });
}

ct_result ct_full(const intptr_t *shape, intptr_t dimensions, double value, int type) {
    return tensor([&] { return at::full(sizes(shape, dimensions), value, options(type)); });
}

ct_result ct_arange(intptr_t count) {
    return tensor([&] { return at::arange(int64_t{count}, at::kLong); });
}

ct_result ct_eye(intptr_t count, int type) {
    return tensor([&] { return at::eye(int64_t{count}, options(type)); });
}

ct_result ct_copying(const void *bytes, intptr_t count, const intptr_t *shape, intptr_t dimensions, int type) {
    return tensor([&] {
        auto result = at::empty(sizes(shape, dimensions), options(type));
        auto needed = static_cast<intptr_t>(result.nbytes());
        TORCH_CHECK(needed == count, "the shape needs ", needed, " bytes, but ", count, " were given");
        if (count > 0) std::memcpy(result.data_ptr(), bytes, static_cast<size_t>(count));
        return result;
    });
}

ct_result ct_view_memory(
    void *memory, const intptr_t *shape, const intptr_t *strides, intptr_t dimensions, int type, void *owner,
    void (*release)(void *owner)) {
    return tensor([&] {
        // Shared, so that the owner is released once whether libtorch takes the deleter or throws.
        std::shared_ptr<void> keeper(owner, release);
        auto deleter = [keeper](void *) mutable { keeper.reset(); };
        auto shapes = sizes(shape, dimensions);
        if (!strides) return at::from_blob(memory, shapes, deleter, options(type));
        return at::from_blob(memory, shapes, sizes(strides, dimensions), deleter, options(type));
    });
}

double ct_item(ct_in tensor, int *failed) {
    double value = 0;
    *failed = status([&] { value = tensor->value.item().toDouble(); });
    return value;
}

int ct_copy_out(ct_in tensor, int type, void *bytes, intptr_t count) {
    return status([&] {
        auto dense = tensor->value.detach().to(scalarType(type)).contiguous();
        auto needed = static_cast<intptr_t>(dense.nbytes());
        TORCH_CHECK(needed == count, "the elements are ", needed, " bytes, but there is room for ", count);
        if (count > 0) std::memcpy(bytes, dense.data_ptr(), static_cast<size_t>(count));
    });
}
