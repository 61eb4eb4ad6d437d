// `thaw report`: what a sweep found, as one self-contained HTML page, as a Markdown twin, and as figures for a paper.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace thaw {

/// A photo's small copy as the bytes of a JPEG file; empty where the photo cannot be read.
using Thumbnail = std::function<std::string(const std::filesystem::path& photo)>;

/// Always possible, also in the middle of a sweep or with nothing finished. Files appear whole or not at all; an empty
/// path leaves that one out. The charts go into figures/*.svg beside the HTML page, or beside the Markdown where that
/// is all. Without `thumbnail` the misclassified images are only named. Throws UserError where the
/// database cannot be read or a file cannot be written.
/// Returns what a reader should know before anything else, in a sentence: that the accuracy is one of images that are
/// trained on too. Empty otherwise.
std::string write_report(const std::filesystem::path& database, const std::filesystem::path& html,
                         const std::filesystem::path& markdown, const Thumbnail& thumbnail = {});

}  // namespace thaw
