// `thaw run --live`: TensorBoard's event files while trials train.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "results/store/store.hpp"

namespace thaw {

class LiveEvents {
  public:
    /// `folder`: where TensorBoard looks; each trial gets a folder in it. Throws UserError where it cannot be made.
    explicit LiveEvents(std::filesystem::path folder);

    /// Appends an epoch's scalars; the same epoch again is left out. Where it cannot be written there is one warning:
    /// the results have it all the same.
    void epoch_done(const std::string& trial, const EpochRecord& epoch);

    /// The run has ended: what was written so far gives way to what `thaw export --tensorboard` writes.
    void finish(const std::filesystem::path& database);

  private:
    std::filesystem::path folder_;
    std::map<std::string, int> written_;  // by trial, its last epoch
    bool warned_ = false;
};

}  // namespace thaw
