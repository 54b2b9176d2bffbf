#pragma once

#include <cstdint>
#include <functional>

namespace shim {

/// Runs `body(0)` … `body(count - 1)`, each once, on libtorch's threads within an operation.
void parallel(int64_t count, const std::function<void(int64_t)> &body);

}  // namespace shim
