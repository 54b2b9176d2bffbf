#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "shim.h"

namespace {

std::atomic<intptr_t> liveHandles{0};
thread_local intptr_t handleBalance = 0;

/// This thread's latest failure.
struct Failure {
    std::string message;
    void *callbackError = nullptr;
};
thread_local Failure failure;

}  // namespace

ct_tensor::ct_tensor(at::Tensor tensor) : value(std::move(tensor)) {
    liveHandles.fetch_add(1, std::memory_order_relaxed);
    handleBalance++;
}

ct_tensor::~ct_tensor() {
    liveHandles.fetch_sub(1, std::memory_order_relaxed);
    handleBalance--;
}

namespace shim {

void noteFailure() noexcept {
    try {
        failure.callbackError = nullptr;
        try {
            throw;
        } catch (const CallbackError &error) {
            failure.callbackError = error.take();
            failure.message = error.what();
        } catch (const c10::Error &error) {
            failure.message = error.what_without_backtrace();
        } catch (const std::exception &error) {
            failure.message = error.what();
        } catch (...) {
            failure.message = "unknown C++ exception";
        }
        failure.message.resize(std::min(failure.message.find('\n'), failure.message.size()));
    } catch (...) {
        // Out of memory while noting; the message before stays.
    }
}

}  // namespace shim

const char *ct_last_error(void) {
    return failure.message.c_str();
}

void *ct_take_callback_error(void) {
    return std::exchange(failure.callbackError, nullptr);
}

const char *ct_version(void) {
    return TORCH_VERSION;
}

int ct_set_threads(int count) {
    return shim::status([&] {
        TORCH_CHECK(count > 0, "the number of threads must be positive, not ", count);
        at::set_num_threads(count);
    });
}

int ct_threads(void) {
    return at::get_num_threads();
}

int ct_set_gradient_mode(int enabled) {
    bool before = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(enabled != 0);
    return before;
}

int ct_gradient_mode(void) {
    return c10::GradMode::is_enabled();
}

intptr_t ct_live_handles(void) {
    return liveHandles.load(std::memory_order_relaxed);
}

intptr_t ct_handle_balance(void) {
    return handleBalance;
}

void ct_keep_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

void ct_release(ct_tensor *tensor) {
    delete tensor;
}

ct_result ct_share(ct_in tensor) {
    return shim::tensor([&] { return tensor->value; });
}

intptr_t ct_dimensions(ct_in tensor) {
    return tensor->value.dim();
}

intptr_t ct_count(ct_in tensor) {
    return tensor->value.numel();
}

void ct_shape(ct_in tensor, intptr_t *shape) {
    auto sizes = tensor->value.sizes();
    std::copy(sizes.begin(), sizes.end(), shape);
}

void ct_strides(ct_in tensor, intptr_t *strides) {
    auto all = tensor->value.strides();
    std::copy(all.begin(), all.end(), strides);
}

int ct_scalar_type(ct_in tensor) {
    return static_cast<int>(tensor->value.scalar_type());
}

int ct_requires_gradient(ct_in tensor) {
    return tensor->value.requires_grad();
}

int ct_is_contiguous(ct_in tensor) {
    return tensor->value.is_contiguous();
}

int ct_is_channels_last(ct_in tensor) {
    return tensor->value.dim() == 4 && tensor->value.is_contiguous(at::MemoryFormat::ChannelsLast);
}

int ct_is_dense(ct_in tensor) {
    return tensor->value.is_non_overlapping_and_dense();
}

void *ct_data(ct_in tensor) {
    return tensor->value.data_ptr();
}
