// "Did you mean ...?": the nearest valid spelling of a word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thaw {

/// The candidate with the smallest edit distance (case ignored); empty where none is close enough to be a likely typo.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// " (did you mean 'X'?)" or, where nothing is near, "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// What follows "unknown thing 'word'": the likeliest typo and what there is. Of long lists that the command `listing`
/// shows ("thaw backbones"; null: none does) at most the five nearest.
std::string instead_of(std::string_view word, const std::vector<std::string>& candidates, const char* listing);

}  // namespace thaw
