#include "common/util/names.hpp"

#include <fmt/ranges.h>

#include "common/util/nearest.hpp"

namespace thaw {

void fail_unknown_name(const char* what, std::string_view name, const std::vector<std::string>& names) {
    throw UserError("unknown {} '{}'{}; there are: {}", what, name, did_you_mean(name, names), fmt::join(names, ", "));
}

}  // namespace thaw
