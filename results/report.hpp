// `thaw report`: what a sweep found, as one self-contained HTML page and as a Markdown twin.
#pragma once

#include <filesystem>

namespace thaw {

/// Always possible, also in the middle of a sweep or with nothing finished. Both files appear whole or not at all; an
/// empty path leaves that file out. Throws UserError where the database cannot be read or a file cannot be written.
void write_report(const std::filesystem::path& database, const std::filesystem::path& html,
                  const std::filesystem::path& markdown);

}  // namespace thaw
