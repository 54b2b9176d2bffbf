// What all files of the shim share. Kept small: files add the libtorch headers of the operations that they wrap.
#pragma once

// One header per operation instead of one for all: a fraction of the compile time.
#define AT_PER_OPERATOR_HEADERS

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "ctorch.h"

struct ct_tensor {
    at::Tensor value;

    explicit ct_tensor(at::Tensor tensor);
    ct_tensor(const ct_tensor &) = delete;
    ct_tensor &operator=(const ct_tensor &) = delete;
    ~ct_tensor();
};

namespace shim {

/// An error object that a callback returned, on its way through libtorch to whoever called the shim.
class CallbackError : public std::exception {
public:
    CallbackError(void *error, void (*release)(void *)) : slot_(std::make_shared<Slot>(error, release)) {}
    const char *what() const noexcept override { return "a callback failed"; }
    /// The object, which then belongs to the caller; NULL when another already took it.
    void *take() const noexcept { return std::exchange(slot_->error, nullptr); }

private:
    struct Slot {
        void *error;
        void (*release)(void *);
        Slot(void *error, void (*release)(void *)) : error(error), release(release) {}
        Slot(const Slot &) = delete;
        ~Slot() {
            if (error) release(error);
        }
    };
    // Exceptions get copied; the object has one owner.
    std::shared_ptr<Slot> slot_;
};

/// Notes the exception being handled for `ct_last_error`. Only within a catch block.
void noteFailure() noexcept;

inline ct_tensor *wrap(at::Tensor tensor) {
    return new ct_tensor(std::move(tensor));
}

/// Runs `body`, which returns a tensor; NULL when it throws.
template <typename Body>
ct_result tensor(Body body) noexcept {
    try {
        return wrap(body());
    } catch (...) {
        noteFailure();
        return nullptr;
    }
}

/// Runs `body`; -1 when it throws, else 0.
template <typename Body>
int status(Body body) noexcept {
    try {
        body();
        return 0;
    } catch (...) {
        noteFailure();
        return -1;
    }
}

/// Runs `body`, which returns a tuple of values and indices, and gives out both.
template <typename Body>
int pair(ct_result *first, ct_result *second, Body body) noexcept {
    return status([&] {
        auto both = body();
        auto one = std::make_unique<ct_tensor>(std::get<0>(both));
        *second = wrap(std::get<1>(both));
        *first = one.release();
    });
}

inline at::IntArrayRef sizes(const intptr_t *values, intptr_t count) {
    static_assert(sizeof(intptr_t) == sizeof(int64_t));
    return at::IntArrayRef(reinterpret_cast<const int64_t *>(values), static_cast<size_t>(count));
}

inline at::Tensor optional(ct_optional tensor) {
    return tensor ? tensor->value : at::Tensor();
}

inline std::vector<at::Tensor> list(ct_list tensors, intptr_t count) {
    std::vector<at::Tensor> result;
    result.reserve(static_cast<size_t>(count));
    for (intptr_t i = 0; i < count; i++) result.push_back(optional(tensors[i]));
    return result;
}

inline at::ScalarType scalarType(int number) {
    return static_cast<at::ScalarType>(number);
}

}  // namespace shim
