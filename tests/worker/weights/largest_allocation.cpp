#include "tests/worker/weights/largest_allocation.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<std::size_t> largest{0};

// Every allocation of the program comes by here.
void* operator new(std::size_t bytes) {
    std::size_t seen = largest;
    while (bytes > seen && !largest.compare_exchange_weak(seen, bytes)) {
    }
    if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace thaw {

std::size_t take_largest_allocation() {
    return largest.exchange(0);
}

}  // namespace thaw
