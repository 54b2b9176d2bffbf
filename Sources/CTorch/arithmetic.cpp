#include <ATen/ops/rsub.h>

#include "shim.h"

using namespace shim;

ct_result ct_add(ct_in a, ct_in b) {
    return tensor([&] { return a->value.add(b->value); });
}

ct_result ct_subtract(ct_in a, ct_in b) {
    return tensor([&] { return a->value.sub(b->value); });
}

ct_result ct_multiply(ct_in a, ct_in b) {
    return tensor([&] { return a->value.mul(b->value); });
}

ct_result ct_divide(ct_in a, ct_in b) {
    return tensor([&] { return a->value.div(b->value); });
}

ct_result ct_add_number(ct_in a, double b) {
    return tensor([&] { return a->value.add(b); });
}

ct_result ct_multiply_number(ct_in a, double b) {
    return tensor([&] { return a->value.mul(b); });
}

ct_result ct_divide_number(ct_in a, double b) {
    return tensor([&] { return a->value.div(b); });
}

ct_result ct_number_subtract(double a, ct_in b) {
    return tensor([&] { return at::rsub(b->value, a); });
}

ct_result ct_number_divide(double a, ct_in b) {
    return tensor([&] { return b->value.reciprocal().mul(a); });
}

ct_result ct_negate(ct_in a) {
    return tensor([&] { return a->value.neg(); });
}

int ct_add_(ct_tensor *a, ct_in b, double scale) {
    return status([&] { a->value.add_(b->value, scale == 1 ? at::Scalar(1) : at::Scalar(scale)); });
}

int ct_multiply_(ct_tensor *a, ct_in b) {
    return status([&] { a->value.mul_(b->value); });
}

int ct_multiply_number_(ct_tensor *a, double b) {
    return status([&] { a->value.mul_(b); });
}

int ct_fill_(ct_tensor *a, double value) {
    return status([&] { a->value.fill_(value); });
}

int ct_copy_(ct_tensor *a, ct_in source) {
    return status([&] { a->value.copy_(source->value); });
}

int ct_addcmul_(ct_tensor *a, ct_in b, ct_in c, double scale) {
    return status([&] { a->value.addcmul_(b->value, c->value, scale); });
}

int ct_addcdiv_(ct_tensor *a, ct_in b, ct_in c, double scale) {
    return status([&] { a->value.addcdiv_(b->value, c->value, scale); });
}

int ct_lerp_(ct_tensor *a, ct_in end, double weight) {
    return status([&] { a->value.lerp_(end->value, weight); });
}
