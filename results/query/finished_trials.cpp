#include "results/query/finished_trials.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "results/store/axes.hpp"

namespace thaw {
namespace {

#define THAW_COMPARABLE                                                                                           \
    "state = 'finished' AND data = (SELECT min(id) FROM sweeps WHERE data_fingerprint = (SELECT data_fingerprint" \
    " FROM sweeps ORDER BY id DESC LIMIT 1))"

/// As the view in schema.sql.
std::string all_finished() {
    return with_axes(
        "(SELECT id AS trial, {axes}, final_validation_accuracy AS validation_accuracy, best_validation_accuracy,"
        " best_epoch, final_train_accuracy AS train_accuracy, final_validation_loss AS validation_loss,"
        " final_train_loss AS train_loss, seconds, configuration, result_epoch, final_validation_auc AS validation_auc,"
        " final_validation_top5_accuracy AS validation_top5_accuracy, {later_axes}"
        " FROM trials NOT INDEXED WHERE " THAW_COMPARABLE ")");
}

}  // namespace

std::string finished_trials(const Database& database, const std::string& condition) {
    const std::string finished = all_finished();
    return database.understands(fmt::format("SELECT 1 FROM {} WHERE ({})", finished, condition)) ? finished
                                                                                                 : "leaderboard";
}

RankCounter::RankCounter(const Database& database)
    : better_(database.prepare("SELECT count(*) FROM trials WHERE " THAW_COMPARABLE
                               " AND final_validation_accuracy > ?1 AND final_validation_accuracy <= ?2")),
      as_good_(database.prepare(
          "SELECT count(*) FROM trials WHERE " THAW_COMPARABLE
          " AND final_validation_accuracy IS ?1 AND (final_validation_loss IS NULL, coalesce(final_validation_loss, 0),"
          " id) < (?2, ?3, ?4)")) {}

std::int64_t RankCounter::rank(double accuracy, double loss, const std::string& trial) {
    constexpr double kMost = std::numeric_limits<double>::max();
    const auto count = [](Statement& statement) {
        const std::int64_t found = statement.step() ? statement.integer(0) : 0;
        statement.with();
        return found;
    };
    const bool same = asked_ && (accuracy == accuracy_ || (std::isnan(accuracy) && std::isnan(accuracy_)));
    if (!same) {
        const double least = std::isnan(accuracy) ? -kMost : accuracy;
        ahead_ += count(better_.with(least, asked_ ? accuracy_ : kMost));
    }
    asked_ = true;
    accuracy_ = accuracy;
    const bool none = std::isnan(loss);
    return ahead_ + 1 + count(as_good_.with(accuracy, none ? 1 : 0, none ? 0.0 : loss, trial));
}

#undef THAW_COMPARABLE

}  // namespace thaw
