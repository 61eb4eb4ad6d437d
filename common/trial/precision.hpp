// How wide the numbers are that a frozen network carries between its layers.
#pragma once

#include <string>

#include "common/util/names.hpp"

namespace thaw {

/// bfloat16: inputs and weights of each layer; sums and the features that are kept remain float32.
enum class Precision { float32, bfloat16 };

const NameTable<Precision>& names_of(Precision);
const char* to_string(Precision precision);          // "fp32", "bf16"
Precision parse_precision(const std::string& name);  // throws UserError with the names there are

/// What is added to a description: nothing for float32, " (bf16)" otherwise.
std::string precision_mark(Precision precision);

}  // namespace thaw
