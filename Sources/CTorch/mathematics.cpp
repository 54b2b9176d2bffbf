#include <ATen/ops/where.h>

#include <cmath>

#include "shim.h"

using namespace shim;

ct_result ct_matmul(ct_in a, ct_in b) {
    return tensor([&] { return a->value.matmul(b->value); });
}

int ct_exp_(ct_tensor *a) {
    return status([&] { a->value.exp_(); });
}

ct_result ct_exp(ct_in a) {
    return tensor([&] { return a->value.exp(); });
}

ct_result ct_log(ct_in a) {
    return tensor([&] { return a->value.log(); });
}

ct_result ct_sqrt(ct_in a) {
    return tensor([&] { return a->value.sqrt(); });
}

ct_result ct_rsqrt(ct_in a) {
    return tensor([&] { return a->value.rsqrt(); });
}

ct_result ct_square(ct_in a) {
    return tensor([&] { return a->value.square(); });
}

ct_result ct_abs(ct_in a) {
    return tensor([&] { return a->value.abs(); });
}

ct_result ct_relu(ct_in a) {
    return tensor([&] { return a->value.relu(); });
}

ct_result ct_clamp(ct_in a, double minimum, double maximum) {
    return tensor([&] {
        if (std::isnan(minimum)) return a->value.clamp_max(maximum);
        if (std::isnan(maximum)) return a->value.clamp_min(minimum);
        return a->value.clamp(at::Scalar(minimum), at::Scalar(maximum));
    });
}

ct_result ct_pow(ct_in a, double exponent) {
    return tensor([&] { return a->value.pow(exponent); });
}

ct_result ct_equal(ct_in a, ct_in b) {
    return tensor([&] { return a->value.eq(b->value); });
}

ct_result ct_masked_fill(ct_in a, ct_in mask, double value) {
    return tensor([&] { return a->value.masked_fill(mask->value, value); });
}

ct_result ct_where(ct_in condition, ct_in a, ct_in b) {
    return tensor([&] { return at::where(condition->value, a->value, b->value); });
}
