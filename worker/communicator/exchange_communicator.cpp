#include "worker/communicator/exchange_communicator.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "common/util/parallel.hpp"

namespace thaw {
namespace {

/// Below this one round of whole arrays is quicker than two of parts.
constexpr std::size_t kSmall = 16 << 10;  // bytes

template <typename Scalar>
void add(const Scalar* __restrict from, Scalar* __restrict to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
}

/// Begins of `parts` nearly equal parts of `count`.
std::vector<std::size_t> even_parts(std::size_t count, int parts) {
    std::vector<std::size_t> begins;
    const auto all = static_cast<std::size_t>(parts);
    for (std::size_t i = 0; i <= all; ++i) begins.push_back(part_begin(count, i, all));
    return begins;
}

}  // namespace

TimeLimit default_time_limit() {
    if (const char* seconds = std::getenv("THAW_COLLECTIVE_SECONDS"); seconds && std::atof(seconds) > 0)
        return TimeLimit(static_cast<std::int64_t>(1000 * std::atof(seconds)));
    return std::chrono::minutes(5);
}

void ExchangeCommunicator::exchange_or_fail(const std::vector<Piece>& out, const std::vector<Piece>& in) {
    const std::string note = exchange(out, in, {});
    if (!note.empty()) throw AgreedFailure("{}", note);
}

void ExchangeCommunicator::fail(const std::string& message) {
    exchange(nothing(), nothing(), message.empty() ? "failed" : message);
}

void ExchangeCommunicator::throw_missing(const std::vector<int>& members, TimeLimit limit) const {
    std::vector<std::string> names;
    for (const int member : members) names.push_back(name_of(member));
    throw StageError("{} of {} did not come within {:g} s to what {} does with {}", fmt::join(names, ", "), size(),
                     std::chrono::duration<double>(limit).count(), name_of(rank()),
                     members.size() == 1 ? "it" : "them");
}

void ExchangeCommunicator::barrier() {
    exchange_or_fail(nothing(), nothing());
}

void ExchangeCommunicator::all_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) {
    std::vector<Piece> in;
    for (std::size_t i = 0; i + 1 < begins.size(); ++i)
        in.push_back(bytes.subspan(begins[i], begins[i + 1] - begins[i]));
    exchange_or_fail(std::vector<Piece>(in.size(), in[self()]), in);
}

void ExchangeCommunicator::gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) {
    std::vector<Piece> out = nothing(), in = nothing();
    if (rank() != 0) out[0] = bytes;
    for (std::size_t i = 1; rank() == 0 && i + 1 < begins.size(); ++i)
        in[i] = bytes.subspan(begins[i], begins[i + 1] - begins[i]);
    exchange_or_fail(out, in);
}

void ExchangeCommunicator::broadcast(std::span<std::byte> bytes, int root) {
    std::vector<Piece> out = nothing(), in = nothing();
    if (rank() == root)
        std::fill(out.begin(), out.end(), bytes);
    else
        in[static_cast<std::size_t>(root)] = bytes;
    exchange_or_fail(out, in);
}

template <typename Scalar>
void ExchangeCommunicator::sum(std::span<Scalar> values) {
    const auto members = static_cast<std::size_t>(size());
    if (members == 1) return;
    const bool whole = values.size_bytes() <= kSmall;
    const std::vector<std::size_t> begins = even_parts(values.size(), size());
    const auto part = [&](std::size_t member) {
        return whole ? values : values.subspan(begins[member], begins[member + 1] - begins[member]);
    };
    const std::span<Scalar> own = part(self());
    // Kept, for fresh memory costs more than the sum.
    if (received_.size() * sizeof(double) < (members - 1) * own.size_bytes())
        received_.resize((members - 1) * own.size_bytes() / sizeof(double) + 1);
    auto* at = reinterpret_cast<Scalar*>(received_.data());
    std::vector<Piece> out = nothing(), in = nothing();
    std::vector<Scalar*> terms(members, own.data());
    for (std::size_t member = 0; member < members; ++member) {
        if (member == self()) continue;
        out[member] = std::as_writable_bytes(part(member));
        in[member] = std::as_writable_bytes(std::span(at, own.size()));
        terms[member] = at;
        at += own.size();
    }
    exchange_or_fail(out, in);
    for (std::size_t member = 1; member < members; ++member) add(terms[member], terms[0], own.size());
    if (self() != 0) std::copy_n(terms[0], own.size(), own.data());
    if (whole) return;
    std::vector<std::size_t> bytes;
    for (const std::size_t begin : begins) bytes.push_back(begin * sizeof(Scalar));
    all_gather(std::as_writable_bytes(values), bytes);
}

template void ExchangeCommunicator::sum(std::span<float>);
template void ExchangeCommunicator::sum(std::span<double>);

}  // namespace thaw
