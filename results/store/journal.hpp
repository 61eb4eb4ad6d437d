// How the database keeps its changes safe: by a write-ahead log, or by a rollback journal where that cannot be.
#pragma once

#include <filesystem>

namespace thaw {

enum class Journal { write_ahead, rollback };

/// By statfs(2)'s f_type. A write-ahead log needs memory that its processes share, which network file systems do not
/// give; nor do those in user space promise it.
Journal journal_for(unsigned long file_system_type);

/// Of the file system where the file lies, or will lie.
Journal journal_at(const std::filesystem::path& file);

}  // namespace thaw
