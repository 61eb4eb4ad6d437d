// What every Communicator promises, as functions that each member of a group calls.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "worker/communicator/communicator.hpp"

namespace thaw::contract {

template <typename Scalar>
void sums_are_those_of_all_members(Communicator& group) {
    std::vector<Scalar> values(1000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Scalar>(i + 1000 * group.rank());
    group.all_reduce_sum(std::span<Scalar>(values));
    const int n = group.size();
    for (std::size_t i = 0; i < values.size(); ++i)
        ASSERT_EQ(values[i], static_cast<Scalar>(n * static_cast<int>(i) + 1000 * n * (n - 1) / 2));
}

/// Terms whose sum in floating point depends on the order: every member must get the same bits, every time.
inline void sums_are_the_same_bits_on_all_members_and_repetitions(Communicator& group) {
    const auto sum_once = [&] {
        std::vector<float> values(257);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = std::pow(10.0F, static_cast<float>(group.rank() * 3)) / static_cast<float>(i + 3);
        group.all_reduce_sum(std::span<float>(values));
        return values;
    };
    const std::vector<float> first = sum_once();
    for (int repetition = 0; repetition < 20; ++repetition) ASSERT_EQ(sum_once(), first);
    std::vector<float> roots = first;
    group.broadcast(std::as_writable_bytes(std::span<float>(roots)), 0);
    ASSERT_EQ(roots, first);
}

inline void broadcast_comes_from_the_root(Communicator& group) {
    for (int root = 0; root < group.size(); ++root) {
        std::vector<int> values(100, group.rank());
        group.broadcast(std::as_writable_bytes(std::span<int>(values)), root);
        ASSERT_EQ(values, std::vector<int>(100, root));
    }
}

inline void empty_buffers_are_fine(Communicator& group) {
    group.all_reduce_sum(std::span<float>());
    group.broadcast({}, 0);
    group.barrier();
}

inline void all(Communicator& group) {
    sums_are_those_of_all_members<float>(group);
    sums_are_those_of_all_members<double>(group);
    sums_are_the_same_bits_on_all_members_and_repetitions(group);
    broadcast_comes_from_the_root(group);
    empty_buffers_are_fine(group);
}

}  // namespace thaw::contract
