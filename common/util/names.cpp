#include "common/util/names.hpp"

#include <fmt/ranges.h>

#include <cctype>

#include "common/util/nearest.hpp"

namespace thaw {
namespace {

std::string folded(std::string_view text) {
    std::string word;
    for (const char c : text)
        if (c != '_' && c != '-') word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return word;
}

}  // namespace

bool is_spelled(std::string_view name, std::string_view written) {
    return folded(name) == folded(written);
}

void fail_unknown_name(const char* what, std::string_view name, const std::vector<std::string>& names) {
    throw UserError("unknown {} '{}'{}; there are: {}", what, name, did_you_mean(name, names), fmt::join(names, ", "));
}

}  // namespace thaw
