// Finished trials by conditions: read in the order of the file, where the leaderboard, which numbers its rows, would
// have to fetch every one of them from where it lies.
#pragma once

#include <cstdint>
#include <string>

#include "results/store/database.hpp"

namespace thaw {

/// What to select from for a condition in SQL: the leaderboard without ranks; with them where the condition is about
/// those. Unlike the leaderboard itself, the rows come in no order.
std::string finished_trials(const Database& database, const std::string& condition);

/// The leaderboard's order, on its columns.
inline constexpr const char* kRankOrder = "validation_accuracy DESC, validation_loss IS NULL, validation_loss, trial";

/// Ranks on the leaderboard of some trials, asked for in its order.
class RankCounter {
  public:
    explicit RankCounter(const Database& database);
    /// Metrics that are none are NaN.
    std::int64_t rank(double accuracy, double loss, const std::string& trial);

  private:
    Statement better_, as_good_;
    std::int64_t ahead_ = 0;  // of all with the accuracy that was asked for last
    double accuracy_ = 0;
    bool asked_ = false;
};

}  // namespace thaw
