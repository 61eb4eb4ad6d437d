// The report's later sections: pruned and failed trials, compute and reuse, reproducibility.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "common/util/text.hpp"
#include "results/report/report_sections.hpp"

namespace thaw {
namespace {

constexpr std::size_t kNamedTrials = 10;  // of one group; the others are counted

/// One a line.
Text trial_names(const std::vector<NamedTrial>& trials, const std::vector<std::size_t>& axes) {
    Text names;
    for (std::size_t i = 0; i < std::min(kNamedTrials, trials.size()); ++i) {
        const auto& [id, values, accuracy] = trials[i];
        const std::string weights = has_random_weights(values) ? " (random weights)" : "";
        const std::string reached = std::isfinite(accuracy) ? percent(accuracy) + ": " : "";
        if (i > 0) names.runs.push_back({"\n"});
        names.runs.push_back({id, Mark::code});
        names.runs.push_back({" " + reached + describe(values, axes) + weights});
    }
    if (trials.size() > kNamedTrials) {
        names.runs.push_back({"\n"});
        names.runs.push_back({fmt::format("and {} more", trials.size() - kNamedTrials)});
    }
    return names;
}

std::string ratio(double measured, double predicted) {
    return predicted > 0 && std::isfinite(measured) ? fmt::format("{:.2f}", measured / predicted) : "–";
}

/// "predicted 9.8 s, measured 10.6 s (8 % more)".
std::string run_total_text(const RunTotal& total) {
    // Three digits, so that what follows from them can be seen in them.
    const auto time = [](double s) { return s < 120 ? fmt::format("{:.3g} s", s) : human_seconds(s); };
    const std::string predicted = "predicted " + time(total.predicted_seconds);
    if (total.outcome != RunOutcome::ok)
        return fmt::format("{}, {} after {}", predicted, word_of(total.outcome), time(total.seconds));
    const std::string text = fmt::format("{}, measured {}", predicted, time(total.seconds));
    if (!(total.predicted_seconds > 0)) return text;
    const auto more = std::llround(100 * (total.seconds / total.predicted_seconds - 1));
    if (more == 0) return text + " (as predicted)";
    return fmt::format("{} ({} % {})", text, std::abs(more), more > 0 ? "more" : "less");
}

/// What sharing spared, by the number of trials each stage served.
std::string sharing_text(const ReportData& data) {
    double once = 0, each = 0;
    for (const StageTotal& total : data.stage_totals) {
        if (total.kind == "train") continue;  // whose trials share epochs, not stages
        once += total.seconds;
        each += total.seconds_for_each;
    }
    if (!(each > 1.05 * once)) return "";
    return fmt::format(
        "Decoding and frozen layers took {}, once for all trials. Without sharing they would have taken {}, {:.0f} "
        "times "
        "as much.",
        human_seconds(once), human_seconds(each), each / once);
}

/// "10 classes in photos, 538 images to train, ...".
std::string data_text(const SweepRecord& sweep) {
    std::vector<std::string> parts = {fmt::format("{} {} in {}", sweep.classes.size(),
                                                  sweep.classes.size() == 1 ? "class" : "classes", sweep.data_folder)};
    parts.push_back(fmt::format("{} training images", sweep.train_images));
    parts.push_back(fmt::format("{} validation images", sweep.validation_images));
    if (sweep.test_images > 0) parts.push_back(fmt::format("{} test images", sweep.test_images));
    if (sweep.bad_images > 0) parts.push_back(fmt::format("{} unreadable images", sweep.bad_images));
    return fmt::format("{}.", fmt::join(parts, ", "));
}

/// The latest run that has both figures, and the earlier ones behind a click.
void add_run_totals(Blocks& blocks, const ReportData& data) {
    if (data.run_totals.empty()) return;
    const RunTotal& latest = data.run_totals.front();
    blocks.push_back(Paragraph{fmt::format("Run of {}, from the start of its first stage to the end of its last: {}.",
                                           latest.started, run_total_text(latest)),
                               ""});
    if (data.run_totals.size() == 1) return;
    Grid grid{.caption = "Earlier runs", .columns = {"run", "time"}, .rows = {}, .folded = true};
    for (std::size_t i = 1; i < data.run_totals.size(); ++i)
        grid.rows.push_back({data.run_totals[i].started, run_total_text(data.run_totals[i])});
    blocks.push_back(grid);
}

Grid stage_totals(const ReportData& data) {
    Grid grid{.caption = "Stages by kind",
              .columns = {"kind", number("stages"), number("trials"), number("reused"), number("failed"),
                          number("predicted"), number("measured"), number("measured / predicted"),
                          number("images computed"), number("predicted size"), number("written")},
              .rows = {}};
    for (const StageTotal& total : data.stage_totals)
        grid.rows.push_back({total.kind, fmt::format("{}", total.stages), fmt::format("{}", total.trials),
                             fmt::format("{}", total.reused), fmt::format("{}", total.failed),
                             human_seconds(total.predicted_seconds), human_seconds(total.seconds),
                             ratio(total.seconds, total.predicted_seconds),
                             total.computed > 0 ? fmt::format("{}", total.computed) : std::string(),
                             human_bytes(total.predicted_bytes), human_bytes(total.bytes)});
    return grid;
}

/// What a stage says that found the rows of some images among those of other data.
std::string partly(const StageRecord& stage, const ReportData& data) {
    const int images = data.sweep.train_images + data.sweep.validation_images + data.sweep.test_images;
    if (stage.kind == "train" || stage.computed + data.sweep.bad_images >= images) return "";
    return fmt::format("{} of {} images computed", stage.computed, images);
}

Grid longest_stages(const ReportData& data) {
    Grid grid{.caption = "The longest stages",
              .columns = {"kind", "what", number("rank"), number("trials"), number("predicted"), number("measured"),
                          number("predicted size"), number("written"), wide("outcome")},
              .rows = {},
              .folded = true};
    for (const StageTotal& total : data.stage_totals) grid.total += static_cast<std::size_t>(total.stages);
    for (const StageRecord& stage : data.longest_stages)
        grid.rows.push_back({stage.kind, stage.description, fmt::format("{}", stage.rank),
                             fmt::format("{}", stage.trials), human_seconds(stage.predicted_seconds),
                             human_seconds(stage.seconds), human_bytes(static_cast<double>(stage.predicted_bytes)),
                             human_bytes(static_cast<double>(stage.bytes)),
                             !stage.error.empty() ? stage.error
                             : stage.reused       ? std::string("reused")
                                                  : partly(stage, data)});
    return grid;
}

}  // namespace

Blocks pruned_section(const ReportData& data) {
    if (data.stopped.empty()) return {};
    Grid grid{.caption = "Pruned trials",
              .columns = {number("trials"), number("after epoch"), number("best accuracy"), wide("which")},
              .rows = {}};
    for (const StoppedGroup& group : data.stopped)
        grid.rows.push_back({fmt::format("{}", group.trials.size()), fmt::format("{}", group.epoch),
                             percent(group.trials.front().validation_accuracy),
                             trial_names(group.trials, data.leaderboard.varying)});
    return {Paragraph{"The pruner stopped these trials early. Their results are kept, and a larger search can resume "
                      "them."},
            grid};
}

Blocks failures_section(const ReportData& data) {
    if (data.failures.empty()) return {};
    Grid grid{.caption = "Failed trials", .columns = {number("trials"), wide("message"), wide("which")}, .rows = {}};
    for (const FailureGroup& group : data.failures)
        grid.rows.push_back({fmt::format("{}", group.trials.size()), group.message,
                             trial_names(group.trials, data.leaderboard.varying)});
    return {grid};
}

Blocks stages_section(const ReportData& data) {
    if (data.stage_totals.empty()) return {};
    Blocks blocks = {
        Paragraph{"A stage runs once for all trials that need it. A reused stage was already in the cache. Times and "
                  "sizes cover computed stages only."}};
    if (const std::string saved = sharing_text(data); !saved.empty()) blocks.push_back(Paragraph{saved, ""});
    blocks.push_back(
        Paragraph{fmt::format("Wall-clock time: {} in {}. Stages were busy for {}.", human_seconds(data.wall_seconds),
                              data.invocations == 1 ? "1 run" : fmt::format("{} runs", data.invocations),
                              human_seconds(data.busy_seconds)),
                  ""});
    add_run_totals(blocks, data);
    blocks.push_back(stage_totals(data));
    blocks.push_back(longest_stages(data));
    return blocks;
}

Blocks origin_section(const ReportData& data) {
    const SweepRecord& sweep = data.sweep;
    Grid grid{.caption = "Versions, machine and inputs", .columns = {"what", wide("value")}, .rows = {}};
    const auto row = [&](const std::string& name, const std::string& value) {
        if (!value.empty()) grid.rows.push_back({name, value});
    };
    row("command line", sweep.command_line);
    row("data fingerprint", sweep.data_fingerprint);
    row("seeds", fmt::format("{}", fmt::join(data.analysis.seeds, ", ")));
    for (const auto& [name, value] : sweep.environment) row(name, value);
    return {Paragraph{data_text(sweep), ""},
            Paragraph{fmt::format("{}", fmt::join(sweep.classes, ", "))},
            grid,
            Heading{"Sweep file"},
            Listing{sweep.yaml},
            Paragraph{fmt::format("Run started {}; report written {}.", data.started, data.made)}};
}

}  // namespace thaw
