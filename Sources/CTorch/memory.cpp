// Counts the memory of tensors.
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <malloc.h>

#include <atomic>
#include <mutex>

#include "shim.h"

namespace {

std::atomic<intptr_t> bytes{0};
std::atomic<intptr_t> peak{0};

void count(intptr_t change) {
    intptr_t now = bytes.fetch_add(change, std::memory_order_relaxed) + change;
    intptr_t before = peak.load(std::memory_order_relaxed);
    while (now > before && !peak.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
    }
}

void release(void *memory) {
    count(-static_cast<intptr_t>(malloc_usable_size(memory)));
    c10::free_cpu(memory);
}

/// As libtorch's own allocator, with a count of the bytes.
struct CountingAllocator final : at::Allocator {
    at::DataPtr allocate(size_t size) const override {
        void *memory = c10::alloc_cpu(size);
        count(static_cast<intptr_t>(malloc_usable_size(memory)));
        return {memory, memory, &release, at::Device(at::DeviceType::CPU)};
    }

    at::DeleterFnPtr raw_deleter() const override { return &release; }
};

}  // namespace

void ct_count_memory(void) {
    static CountingAllocator allocator;
    static std::once_flag once;
    std::call_once(once, [] { c10::SetCPUAllocator(&allocator, /*priority=*/100); });
}

intptr_t ct_memory(void) {
    return bytes.load(std::memory_order_relaxed);
}

intptr_t ct_peak_memory(void) {
    return peak.load(std::memory_order_relaxed);
}

void ct_reset_peak_memory(void) {
    peak.store(bytes.load(std::memory_order_relaxed), std::memory_order_relaxed);
}
