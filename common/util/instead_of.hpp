// What an error says of a word that is none of those there are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thaw {

/// What follows "unknown thing 'word'": the likeliest typo and what there is. Of long lists that the command `listing`
/// shows ("thaw backbones"; null: none does) at most the five nearest.
std::string instead_of(std::string_view word, const std::vector<std::string>& candidates, const char* listing);

}  // namespace thaw
