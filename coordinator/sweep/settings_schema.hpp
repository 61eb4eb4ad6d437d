// The JSON Schemas that follow from tables of settings and of words.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/util/range.hpp"

namespace thaw {

/// `type`: number or integer.
nlohmann::ordered_json number_schema(const char* type, const Range& range);

/// Of the values of axes that are structs of settings, by the axis' name.
std::vector<std::pair<std::string, nlohmann::ordered_json>> schemas_of_settings();

/// What sweep_schema.json refers to: the words of a head.
nlohmann::ordered_json schemas_of_words();

}  // namespace thaw
