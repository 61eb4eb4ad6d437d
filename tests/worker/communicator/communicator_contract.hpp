// What every Communicator promises, as functions that each member of a group calls.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
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

inline void large_sums_are_the_same_as_small_ones(Communicator& group) {
    std::vector<float> values(100003);
    const auto term = [](std::size_t i, int rank) {
        return std::pow(10.0F, static_cast<float>(rank)) / static_cast<float>(i % 1000 + 3);
    };
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = term(i, group.rank());
    group.all_reduce_sum(std::span<float>(values));
    for (std::size_t i = 0; i < values.size(); ++i) {
        float sum = term(i, 0);
        for (int rank = 1; rank < group.size(); ++rank) sum += term(i, rank);
        ASSERT_EQ(values[i], sum) << "not in rank order";
    }
}

/// Member i has i + 1 bytes.
inline std::vector<std::size_t> uneven_parts(const Communicator& group) {
    std::vector<std::size_t> begins = {0};
    for (int i = 0; i < group.size(); ++i) begins.push_back(begins.back() + static_cast<std::size_t>(i) + 1);
    return begins;
}

inline void all_gather_brings_everyones_part(Communicator& group) {
    const auto begins = uneven_parts(group);
    const auto self = static_cast<std::size_t>(group.rank());
    std::vector<std::byte> bytes(begins.back());
    for (std::size_t i = begins[self]; i < begins[self + 1]; ++i) bytes[i] = static_cast<std::byte>(self + 1);
    group.all_gather(bytes, begins);
    for (std::size_t member = 0; member + 1 < begins.size(); ++member)
        for (std::size_t i = begins[member]; i < begins[member + 1]; ++i)
            ASSERT_EQ(bytes[i], static_cast<std::byte>(member + 1));
}

inline void gather_brings_everyones_part_to_the_first(Communicator& group) {
    const auto begins = uneven_parts(group);
    const auto self = static_cast<std::size_t>(group.rank());
    std::vector<std::byte> bytes(group.rank() == 0 ? begins.back() : self + 1, static_cast<std::byte>(self + 1));
    group.gather(bytes, begins);
    for (std::size_t member = 0; group.rank() == 0 && member + 1 < begins.size(); ++member)
        for (std::size_t i = begins[member]; i < begins[member + 1]; ++i)
            ASSERT_EQ(bytes[i], static_cast<std::byte>(member + 1));
}

inline void a_failure_reaches_all_in_place_of_any_collective(Communicator& group) {
    if (group.size() == 1) return;
    for (int failing = 0; failing < group.size(); ++failing) {
        for (const std::size_t values : {std::size_t{3}, std::size_t{100000}}) {
            if (group.rank() == failing) {
                group.fail("no memory left");
            } else {
                std::vector<double> sum(values, 1);
                try {
                    group.all_reduce_sum(std::span<double>(sum));
                    FAIL() << "a sum without member " << failing;
                } catch (const AgreedFailure& failure) {
                    ASSERT_STREQ(failure.what(), "no memory left");
                }
            }
            sums_are_those_of_all_members<float>(group);  // it is as good as before
        }
    }
}

inline void two_failures_at_once_are_one(Communicator& group) {
    if (group.size() == 1) return;
    if (group.rank() < 2) {
        group.fail("member " + std::to_string(group.rank()));
    } else {
        ASSERT_THROW(group.barrier(), AgreedFailure);
    }
    group.barrier();
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
    large_sums_are_the_same_as_small_ones(group);
    broadcast_comes_from_the_root(group);
    all_gather_brings_everyones_part(group);
    gather_brings_everyones_part_to_the_first(group);
    a_failure_reaches_all_in_place_of_any_collective(group);
    two_failures_at_once_are_one(group);
    empty_buffers_are_fine(group);
}

}  // namespace thaw::contract
