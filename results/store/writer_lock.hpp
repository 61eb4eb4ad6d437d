// The right to write a results database: one process at a time has it, and loses it with its life.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace thaw {

/// Holds a lock on PATH.lock for as long as it lives; the kernel releases it however the process ends.
/// Throws UserError where another process has it (it says which) or the file cannot be made.
class WriterLock {
  public:
    explicit WriterLock(const std::filesystem::path& database);
    ~WriterLock();
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

  private:
    int descriptor_ = -1;
};

/// "process 123 on HOST" where one holds the lock of this database now. Only looks, so never gets in a writer's way.
std::optional<std::string> current_writer(const std::filesystem::path& database);

}  // namespace thaw
