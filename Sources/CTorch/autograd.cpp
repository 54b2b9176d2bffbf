#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <mutex>

#include "shim.h"

using namespace shim;
using torch::autograd::variable_list;

int ct_set_requires_gradient(ct_tensor *tensor, int required) {
    return status([&] { tensor->value.set_requires_grad(required != 0); });
}

int ct_backward(ct_in tensor, ct_optional gradient, int retain_graph) {
    return status([&] {
        tensor->value.backward(optional(gradient), retain_graph != 0, /*create_graph=*/false);
    });
}

int ct_backward_all(ct_list tensors, ct_list gradients, intptr_t count) {
    return status([&] {
        torch::autograd::backward(
            list(tensors, count), list(gradients, count), /*retain_graph=*/false, /*create_graph=*/false);
    });
}

ct_result ct_gradient(ct_in tensor) {
    const auto &gradient = tensor->value.mutable_grad();
    return gradient.defined() ? wrap(gradient) : nullptr;
}

int ct_set_gradient(ct_tensor *tensor, ct_optional gradient) {
    return status([&] {
        TORCH_CHECK(
            !gradient || gradient->value.sizes() == tensor->value.sizes(),
            "the gradient must have the tensor's shape");
        tensor->value.mutable_grad() = optional(gradient);
    });
}

int ct_set_data(ct_tensor *tensor, ct_in data) {
    return status([&] {
        TORCH_CHECK(
            data->value.sizes() == tensor->value.sizes() && data->value.dtype() == tensor->value.dtype(),
            "the data must have the tensor's shape and type");
        tensor->value.set_data(data->value);
    });
}

namespace {

/// Calls back after a gradient has landed, while the hook is switched on.
struct GradientHook final : torch::autograd::FunctionPostHook {
    struct State {
        std::mutex mutex;
        std::shared_ptr<void> context;
        void (*body)(void *);
    };
    std::shared_ptr<State> state;

    explicit GradientHook(std::shared_ptr<State> state) : state(std::move(state)) {}

    variable_list operator()(const variable_list &outputs, const variable_list &) override {
        std::shared_ptr<void> context;
        {
            std::lock_guard<std::mutex> lock(state->mutex);
            context = state->context;
        }
        if (context) state->body(context.get());
        return outputs;
    }
};

}  // namespace

struct ct_hook {
    std::shared_ptr<GradientHook::State> state;
    // The leaf knows its accumulator only weakly. (Its pointer type differs between versions of libtorch.)
    decltype(torch::autograd::impl::grad_accumulator(std::declval<at::Tensor>())) accumulator;
};

ct_hook *ct_on_gradient(ct_in leaf, void *context, void (*body)(void *), void (*release)(void *)) {
    ct_hook *hook = nullptr;
    status([&] {
        std::shared_ptr<void> owned(context, release);
        TORCH_CHECK(
            leaf->value.is_leaf() && leaf->value.requires_grad(), "the tensor must be a leaf that requires gradient");
        auto state = std::make_shared<GradientHook::State>();
        state->context = std::move(owned);
        state->body = body;
        auto accumulator = torch::autograd::impl::grad_accumulator(leaf->value);
        accumulator->add_post_hook(std::make_unique<GradientHook>(state));
        hook = new ct_hook{std::move(state), std::move(accumulator)};
    });
    return hook;
}

void ct_hook_release(ct_hook *hook) {
    std::shared_ptr<void> dropped;
    {
        std::lock_guard<std::mutex> lock(hook->state->mutex);
        dropped = std::move(hook->state->context);
    }
    delete hook;
}
