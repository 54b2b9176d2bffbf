// The plain C face of libtorch, as far as Murmuration uses it.
//
// A function that can fail returns NULL (handles) or -1 (everything else); `ct_last_error` then has the message of this
// thread's latest failure. No C++ exception passes this boundary. Handles that are returned belong to the caller, who
// gives them back with `ct_release`; handles that are passed in are only borrowed. `_Nullable` handles may be NULL and
// then stand for "none". Sizes are `intptr_t`, Swift's Int.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

typedef struct ct_tensor ct_tensor;
typedef ct_tensor *_Nullable ct_result;
typedef const ct_tensor *_Nonnull ct_in;
typedef const ct_tensor *_Nullable ct_optional;
typedef const ct_tensor *_Nullable const *_Nonnull ct_list;
typedef void (*_Nonnull ct_callback)(void *_Nullable context);

// MARK: The memory of tensors (memory.cpp)

/// Counts the bytes of tensors from now on.
void ct_count_memory(void);
/// Bytes of the tensors that were made since counting began and are alive, of all threads.
intptr_t ct_memory(void);
/// The most that there were since the last reset.
intptr_t ct_peak_memory(void);
void ct_reset_peak_memory(void);

// MARK: Errors, threads, handles (runtime.cpp)

/// The first line of what libtorch said about this thread's latest failure; valid until the next one.
const char *ct_last_error(void);
/// The error object that a callback returned and that made the latest call fail, or NULL; the caller owns it.
void *_Nullable ct_take_callback_error(void);
const char *ct_version(void);
int ct_set_threads(int count);
int ct_threads(void);
/// Switches recording for autograd on this thread; returns what it was.
int ct_set_gradient_mode(int enabled);
/// Whether it is on.
int ct_gradient_mode(void);
/// Handles not yet released, of all threads.
intptr_t ct_live_handles(void);
/// Handles made minus handles released by this thread.
intptr_t ct_handle_balance(void);
/// Makes the allocator keep freed memory for the process.
void ct_keep_freed_memory(void);
void ct_release(ct_tensor *tensor);
/// Another handle of the same tensor.
ct_result ct_share(ct_in tensor);

// MARK: What a tensor is (runtime.cpp)

intptr_t ct_dimensions(ct_in tensor);
intptr_t ct_count(ct_in tensor);
/// Writes `ct_dimensions` entries.
void ct_shape(ct_in tensor, intptr_t *shape);
void ct_strides(ct_in tensor, intptr_t *strides);
/// libtorch's number of the scalar type.
int ct_scalar_type(ct_in tensor);
int ct_requires_gradient(ct_in tensor);
int ct_is_contiguous(ct_in tensor);
int ct_is_channels_last(ct_in tensor);
int ct_is_dense(ct_in tensor);
void *_Nullable ct_data(ct_in tensor);

// MARK: Creation (creation.cpp)

ct_result ct_empty(const intptr_t *shape, intptr_t dimensions, int type, int channels_last);
ct_result ct_full(const intptr_t *shape, intptr_t dimensions, double value, int type);
ct_result ct_arange(intptr_t count);
ct_result ct_eye(intptr_t count, int type);
/// `bytes` in row-major order, `count` of them, copied.
ct_result ct_copying(
    const void *_Nullable bytes, intptr_t count, const intptr_t *shape, intptr_t dimensions, int type);
/// A tensor over memory that belongs to `owner`; `release(owner)` is called once, when the storage is no longer used or
/// when this function fails.
ct_result ct_view_memory(
    void *_Nullable memory, const intptr_t *shape, const intptr_t *_Nullable strides, intptr_t dimensions, int type,
    void *_Nullable owner, ct_callback release);
double ct_item(ct_in tensor, int *failed);
/// Copies all elements, converted to `type`, in row-major order into `bytes`, which has room for `count` bytes.
int ct_copy_out(ct_in tensor, int type, void *_Nullable bytes, intptr_t count);

// MARK: Shape (shape.cpp)

ct_result ct_reshape(ct_in tensor, const intptr_t *shape, intptr_t dimensions);
ct_result ct_transpose(ct_in tensor, intptr_t a, intptr_t b);
ct_result ct_permute(ct_in tensor, const intptr_t *order, intptr_t dimensions);
ct_result ct_narrow(ct_in tensor, intptr_t dim, intptr_t start, intptr_t length);
ct_result ct_select(ct_in tensor, intptr_t dim, intptr_t index);
ct_result ct_flatten(ct_in tensor, intptr_t from);
ct_result ct_unsqueeze(ct_in tensor, intptr_t dim);
ct_result ct_squeeze(ct_in tensor, intptr_t dim);
ct_result ct_expand(ct_in tensor, const intptr_t *shape, intptr_t dimensions);
ct_result ct_contiguous(ct_in tensor);
ct_result ct_channels_last(ct_in tensor);
ct_result ct_convert(ct_in tensor, int type);
ct_result ct_clone(ct_in tensor);
ct_result ct_detach(ct_in tensor);
ct_result ct_as_strided(
    ct_in tensor, const intptr_t *shape, const intptr_t *strides, intptr_t dimensions, intptr_t offset);
ct_result ct_concatenate(ct_list tensors, intptr_t count, intptr_t dim);
ct_result ct_stack(ct_list tensors, intptr_t count, intptr_t dim);
ct_result ct_index_select(ct_in tensor, intptr_t dim, ct_in indices);
ct_result ct_gather(ct_in tensor, intptr_t dim, ct_in indices);
ct_result ct_scatter_add(ct_in tensor, intptr_t dim, ct_in indices, ct_in source);

// MARK: Arithmetic (arithmetic.cpp)

ct_result ct_add(ct_in a, ct_in b);
ct_result ct_subtract(ct_in a, ct_in b);
ct_result ct_multiply(ct_in a, ct_in b);
ct_result ct_divide(ct_in a, ct_in b);
ct_result ct_add_number(ct_in a, double b);
ct_result ct_multiply_number(ct_in a, double b);
ct_result ct_divide_number(ct_in a, double b);
/// a - b for a number a.
ct_result ct_number_subtract(double a, ct_in b);
/// a / b for a number a.
ct_result ct_number_divide(double a, ct_in b);
ct_result ct_negate(ct_in a);

int ct_add_(ct_tensor *a, ct_in b, double scale);
int ct_multiply_(ct_tensor *a, ct_in b);
int ct_multiply_number_(ct_tensor *a, double b);
int ct_fill_(ct_tensor *a, double value);
int ct_copy_(ct_tensor *a, ct_in source);
int ct_addcmul_(ct_tensor *a, ct_in b, ct_in c, double scale);
int ct_addcdiv_(ct_tensor *a, ct_in b, ct_in c, double scale);
int ct_lerp_(ct_tensor *a, ct_in end, double weight);

// MARK: Mathematics (mathematics.cpp)

ct_result ct_matmul(ct_in a, ct_in b);
ct_result ct_exp(ct_in a);
int ct_exp_(ct_tensor *a);
ct_result ct_log(ct_in a);
ct_result ct_sqrt(ct_in a);
ct_result ct_rsqrt(ct_in a);
ct_result ct_square(ct_in a);
ct_result ct_abs(ct_in a);
ct_result ct_relu(ct_in a);
/// Bounds that are NaN are none.
ct_result ct_clamp(ct_in a, double minimum, double maximum);
ct_result ct_pow(ct_in a, double exponent);
ct_result ct_equal(ct_in a, ct_in b);
ct_result ct_masked_fill(ct_in a, ct_in mask, double value);
ct_result ct_where(ct_in condition, ct_in a, ct_in b);

// MARK: Reductions (reductions.cpp)

/// `dims` NULL: over all elements.
ct_result ct_sum(ct_in a, const intptr_t *_Nullable dims, intptr_t count, int keep);
ct_result ct_mean(ct_in a, const intptr_t *_Nullable dims, intptr_t count, int keep);
/// Euclidean norm.
ct_result ct_norm(ct_in a, const intptr_t *_Nullable dims, intptr_t count, int keep);
ct_result ct_amax(ct_in a, const intptr_t *dims, intptr_t count, int keep);
ct_result ct_log_sum_exp(ct_in a, const intptr_t *dims, intptr_t count, int keep);
ct_result ct_softmax(ct_in a, intptr_t dim);
ct_result ct_log_softmax(ct_in a, intptr_t dim);
ct_result ct_argmax(ct_in a, intptr_t dim);
/// Two handles: values and int64 indices.
int ct_max(ct_in a, intptr_t dim, ct_result *_Nonnull values, ct_result *_Nonnull indices);
int ct_top_k(ct_in a, intptr_t k, intptr_t dim, int largest, ct_result *_Nonnull values, ct_result *_Nonnull indices);
int ct_sort(ct_in a, intptr_t dim, int descending, ct_result *_Nonnull values, ct_result *_Nonnull indices);
/// Singular values, falling.
ct_result ct_svdvals(ct_in a);

// MARK: Neural (neural.cpp)

/// Stride, padding and dilation are the same in both directions.
ct_result ct_conv2d(
    ct_in input, ct_in weight, ct_optional bias, intptr_t stride, intptr_t padding, intptr_t dilation,
    intptr_t groups);
ct_result ct_max_pool2d(ct_in input, intptr_t kernel, intptr_t stride, intptr_t padding);
ct_result ct_linear(ct_in input, ct_in weight, ct_optional bias);
ct_result ct_batch_norm_inference(
    ct_in input, ct_in mean, ct_in variance, ct_optional weight, ct_optional bias, double epsilon);

// MARK: Autograd (autograd.cpp)

int ct_set_requires_gradient(ct_tensor *tensor, int required);
int ct_backward(ct_in tensor, ct_optional gradient, int retain_graph);
int ct_backward_all(ct_list tensors, ct_list gradients, intptr_t count);
/// NULL without failure: no gradient.
ct_result ct_gradient(ct_in tensor);
int ct_set_gradient(ct_tensor *tensor, ct_optional gradient);
/// Moves a leaf into the memory of `data`, of the same shape and type.
int ct_set_data(ct_tensor *tensor, ct_in data);

/// Calls `body(context)` after each time that the gradient of `leaf` has been accumulated, on the thread of backward,
/// until `ct_hook_release`. `release(context)` is called once, also when this function fails.
typedef struct ct_hook ct_hook;
ct_hook *_Nullable ct_on_gradient(
    ct_in leaf, void *context, ct_callback body, ct_callback release);
void ct_hook_release(ct_hook *hook);

/// The backward part of a custom function.
///
/// Handles in `output_gradients` (NULL: none) belong to the callback; so do the handles that it puts into
/// `input_gradients` (NULL: none) to the caller. It returns NULL, or an error object that then comes out of the
/// `ct_backward` in whose course it ran: owned by whoever takes it with `ct_take_callback_error`, else given to
/// `release_error`.
typedef void *_Nullable (*ct_backward_callback)(
    void *context, const ct_result *_Nonnull output_gradients, intptr_t output_count,
    ct_result *_Nonnull input_gradients);

typedef struct {
    void *context;
    ct_backward_callback backward;
    /// Called once, when the graph no longer needs the function, or when `ct_custom_function` fails.
    ct_callback release;
    ct_callback release_error;
} ct_closure;

/// Ties `outputs`, computed from `inputs` without recording, to `inputs` by `closure`; the tied outputs replace them.
int ct_custom_function(
    ct_list inputs, intptr_t input_count, ct_list outputs, intptr_t output_count, ct_closure closure,
    ct_result *_Nonnull tied);

// MARK: Fused batch normalisation (batchnorm.cpp)

// Over [N, C], or [N, C, H, W] in channels-last format (copied into it where it is not), float32 or float64; all of one
// call in the same type, save the vectors [C] and their kin, which are float64. Nothing is recorded for autograd.

/// [2C + 1] float64: the sums over each channel, the sums of squares, the number of values in a channel.
ct_result ct_norm_statistics(ct_in input);
/// (input - mean) · scale + shift (+ residual) (then ReLU).
ct_result ct_norm_forward(ct_in input, ct_in mean, ct_in scale, ct_in shift, ct_optional residual, int relu);
/// [2C] float64: the sums over each channel of the gradient, and of the gradient times (input - mean).
///
/// With `relu` the gradient counts where `ct_norm_forward` gave a positive result: by `output` where it is given (it
/// must be if there was a residual), else as computed again from the input. Where `gated` is not NULL it gets the
/// gradient as the ReLU lets it through.
ct_result ct_norm_backward_sums(
    ct_in gradient, ct_in input, ct_in mean, ct_in scale, ct_in shift, ct_optional output, int relu,
    ct_result *_Nullable gated);
/// (gradient - (offset + (input - mean) · slope)) · scale; with `relu` for the gradient as the ReLU lets it through,
/// computed again from the input.
ct_result ct_norm_backward_input(
    ct_in gradient, ct_in input, ct_in mean, ct_in scale, ct_in shift, ct_in offset, ct_in slope, int relu);

// MARK: Gradients (gradients.cpp)

/// The gradient of a convolution without bias with respect to its weight (`of_weight`) or its input.
ct_result ct_convolution_gradient(
    ct_in gradient, ct_in input, ct_in weight, intptr_t stride, intptr_t padding, int of_weight);
/// sum (float64) += gradient, each addend first rounded to a multiple of `quantum`, a power of two.
int ct_add_rounded(ct_in sum, ct_in gradient, double quantum);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
