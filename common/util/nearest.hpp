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

}  // namespace thaw
