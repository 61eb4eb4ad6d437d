// `thaw help schema`: the results database for who asks it questions.
#pragma once

#include <string>

namespace thaw {

/// The page of `thaw help schema`.
std::string schema_help();

}  // namespace thaw
