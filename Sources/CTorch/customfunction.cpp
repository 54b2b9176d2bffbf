// Autograd functions whose backward is a C closure.

#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/custom_function.h>

#include "shim.h"

using namespace shim;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// The closure of a custom function, held by its node in the graph.
struct ClosureHolder final : torch::CustomClassHolder {
    std::shared_ptr<void> context;
    ct_closure closure;
    intptr_t inputCount;

    ClosureHolder(std::shared_ptr<void> context, ct_closure closure, intptr_t inputCount)
        : context(std::move(context)), closure(closure), inputCount(inputCount) {}

    variable_list backward(const variable_list &gradients) const {
        std::vector<ct_result> handles;
        for (const auto &gradient : gradients) handles.push_back(gradient.defined() ? wrap(gradient) : nullptr);
        std::vector<ct_result> results(static_cast<size_t>(inputCount), nullptr);
        void *error = closure.backward(
            context.get(), handles.data(), static_cast<intptr_t>(handles.size()), results.data());
        variable_list inputGradients;
        for (ct_result result : results) {
            std::unique_ptr<ct_tensor> owned(result);
            inputGradients.push_back(optional(result));
        }
        if (error) throw CallbackError(error, closure.release_error);
        return inputGradients;
    }
};

struct ClosureFunction : torch::autograd::Function<ClosureFunction> {
    static constexpr const char *key = "closure";

    // Only an argument of type TensorList is tracked; `outputs` must not be, and so goes by pointer.
    static variable_list forward(
        AutogradContext *context, at::TensorList, const variable_list *outputs,
        c10::intrusive_ptr<ClosureHolder> holder) {
        context->saved_data[key] = at::IValue::make_capsule(std::move(holder));
        context->set_materialize_grads(false);
        return *outputs;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        auto found = context->saved_data.find(key);
        TORCH_CHECK(
            found != context->saved_data.end(),
            "backward ran a second time through a graph that was not retained");
        auto capsule = found->second.toCapsule();
        auto results = static_cast<const ClosureHolder &>(*capsule).backward(gradients);
        // The two arguments that are no tensors.
        results.emplace_back();
        results.emplace_back();
        return results;
    }
};

}  // namespace

namespace torch {
namespace autograd {

/// Called after backward unless the graph is retained: the closure, and with it the activations that it holds, goes
/// now and not only with the last tensor of the graph.
template <>
void CppNode<ClosureFunction>::release_variables() {
    decltype(ctx_.saved_data) dropped;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        std::swap(dropped, ctx_.saved_data);
        ctx_.has_freed_buffers_ = true;
    }
}

}  // namespace autograd
}  // namespace torch

int ct_custom_function(
    ct_list inputs, intptr_t input_count, ct_list outputs, intptr_t output_count, ct_closure closure,
    ct_result *tied) {
    return status([&] {
        std::shared_ptr<void> context(closure.context, closure.release);
        auto holder = c10::make_intrusive<ClosureHolder>(std::move(context), closure, input_count);
        auto inputTensors = list(inputs, input_count);
        auto outputTensors = list(outputs, output_count);
        const variable_list *untracked = &outputTensors;
        auto results = ClosureFunction::apply(at::TensorList(inputTensors), untracked, std::move(holder));
        std::vector<std::unique_ptr<ct_tensor>> handles;
        for (auto &result : results) handles.push_back(std::make_unique<ct_tensor>(std::move(result)));
        for (size_t i = 0; i < handles.size(); i++) tied[i] = handles[i].release();
    });
}
