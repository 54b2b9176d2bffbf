#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/sum.h>

#include "shim.h"

using namespace shim;

ct_result ct_sum(ct_in a, const intptr_t *dims, intptr_t count, int keep) {
    return tensor([&] { return dims ? at::sum(a->value, sizes(dims, count), keep != 0) : at::sum(a->value); });
}

ct_result ct_mean(ct_in a, const intptr_t *dims, intptr_t count, int keep) {
    return tensor([&] { return dims ? at::mean(a->value, sizes(dims, count), keep != 0) : at::mean(a->value); });
}

ct_result ct_norm(ct_in a, const intptr_t *dims, intptr_t count, int keep) {
    return tensor([&] {
        return dims ? at::norm(a->value, at::Scalar(2), sizes(dims, count), keep != 0) : at::norm(a->value);
    });
}

ct_result ct_amax(ct_in a, const intptr_t *dims, intptr_t count, int keep) {
    return tensor([&] { return a->value.amax(sizes(dims, count), keep != 0); });
}

ct_result ct_log_sum_exp(ct_in a, const intptr_t *dims, intptr_t count, int keep) {
    return tensor([&] { return at::logsumexp(a->value, sizes(dims, count), keep != 0); });
}

ct_result ct_softmax(ct_in a, intptr_t dim) {
    return tensor([&] { return a->value.softmax(int64_t{dim}); });
}

ct_result ct_log_softmax(ct_in a, intptr_t dim) {
    return tensor([&] { return a->value.log_softmax(int64_t{dim}); });
}

ct_result ct_argmax(ct_in a, intptr_t dim) {
    return tensor([&] { return a->value.argmax(int64_t{dim}); });
}

int ct_max(ct_in a, intptr_t dim, ct_result *values, ct_result *indices) {
    return pair(values, indices, [&] { return a->value.max(int64_t{dim}); });
}

int ct_top_k(ct_in a, intptr_t k, intptr_t dim, int largest, ct_result *values, ct_result *indices) {
    return pair(values, indices, [&] { return a->value.topk(int64_t{k}, dim, largest != 0); });
}

int ct_sort(ct_in a, intptr_t dim, int descending, ct_result *values, ct_result *indices) {
    return pair(values, indices, [&] { return a->value.sort(int64_t{dim}, descending != 0); });
}

ct_result ct_svdvals(ct_in a) {
    return tensor([&] { return at::linalg_svdvals(a->value); });
}
