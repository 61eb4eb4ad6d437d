// Independent pieces of work, numbered, on a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace thaw {

/// Where the i-th of so many nearly equal parts of `count` things begins; that of part `parts` is the end.
constexpr std::size_t part_begin(std::size_t count, std::size_t i, std::size_t parts) {
    return count * i / parts;
}

/// Calls work(i) once for each i in [0, count), on at most `threads` threads, in no particular order. The first
/// exception stops what has not begun and is thrown again here.
template <typename Work>
void for_each_index(std::size_t count, int threads, const Work& work) {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr error;
    const auto run = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!error) error = std::current_exception();
                next = count;
            }
        }
    };
    const std::size_t wanted = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
    {
        std::vector<std::jthread> helpers;
        for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back(run);
        run();
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace thaw
