// The report's later sections: what stopped early or failed, what was computed and what that was predicted to cost,
// where it came from.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "common/util/text.hpp"
#include "results/report/report_pages.hpp"

namespace thaw {
namespace {

constexpr std::size_t kNamedTrials = 10;  // of one group; the others are counted

std::string trial_names(const std::vector<NamedTrial>& trials, const std::vector<std::size_t>& axes) {
    std::string names;
    for (std::size_t i = 0; i < std::min(kNamedTrials, trials.size()); ++i) {
        const auto& [id, values, accuracy] = trials[i];
        const std::string weights = has_random_weights(values) ? " (random weights)" : "";
        const std::string reached = std::isfinite(accuracy) ? percent(accuracy) + ": " : "";
        names += fmt::format("{}<code>{}</code> {}", i > 0 ? "\n" : "", escape_html(id),
                             escape_html(reached + describe(values, axes) + weights));
    }
    if (trials.size() > kNamedTrials) names += fmt::format("\nand {} more", trials.size() - kNamedTrials);
    return names;
}

std::string ratio(double measured, double predicted) {
    return predicted > 0 && std::isfinite(measured) ? fmt::format("{:.2f}", measured / predicted) : "–";
}

/// The latest run that has both figures, and the earlier ones behind a click.
std::string run_totals(const ReportData& data) {
    if (data.run_totals.empty()) return "";
    const auto& latest = data.run_totals.front();
    const std::string text = fmt::format("<p>Run of {}, from its first stage's start to its last one's end: {}.</p>\n",
                                         escape_html(latest.started), escape_html(run_total_text(latest)));
    if (data.run_totals.size() == 1) return text;
    std::string rows;
    for (std::size_t i = 1; i < data.run_totals.size(); ++i)
        rows +=
            "<tr>" + html_cell(data.run_totals[i].started) + html_cell(run_total_text(data.run_totals[i])) + "</tr>\n";
    return text + "<details><summary>Earlier runs</summary>\n" + html_table({"run", "seconds"}, rows, "Earlier runs") +
           "</details>\n";
}

std::string stage_totals(const ReportData& data) {
    std::string rows;
    for (const StageTotal& total : data.stage_totals)
        rows += "<tr>" + html_cell(total.kind) + html_number(fmt::format("{}", total.stages)) +
                html_number(fmt::format("{}", total.trials)) + html_number(fmt::format("{}", total.reused)) +
                html_number(fmt::format("{}", total.failed)) + html_number(human_seconds(total.predicted_seconds)) +
                html_number(human_seconds(total.seconds)) + html_number(ratio(total.seconds, total.predicted_seconds)) +
                html_number(total.computed > 0 ? fmt::format("{}", total.computed) : "") +
                html_number(human_bytes(total.predicted_bytes)) + html_number(human_bytes(total.bytes)) + "</tr>\n";
    return html_table({"kind", ">stages", ">trials served", ">reused", ">failed", ">predicted", ">measured",
                       ">measured / predicted", ">images computed", ">predicted size", ">written"},
                      rows, "Stages by kind");
}

/// What a stage says that found the rows of some images among those of other data.
std::string partly(const StageRecord& stage, const ReportData& data) {
    const int images = data.sweep.train_images + data.sweep.validation_images + data.sweep.test_images;
    if (stage.kind == "train" || stage.computed + data.sweep.bad_images >= images) return "";
    return fmt::format("{} of {} images computed", stage.computed, images);
}

std::string longest_stages(const ReportData& data) {
    std::string rows;
    for (const StageRecord& stage : data.longest_stages) {
        const std::string outcome = !stage.error.empty() ? stage.error : stage.reused ? "reused" : partly(stage, data);
        rows += "<tr>" + html_cell(stage.kind) + html_cell(stage.description) +
                html_number(fmt::format("{}", stage.rank)) + html_number(fmt::format("{}", stage.trials)) +
                html_number(human_seconds(stage.predicted_seconds)) + html_number(human_seconds(stage.seconds)) +
                html_number(human_bytes(static_cast<double>(stage.predicted_bytes))) +
                html_number(human_bytes(static_cast<double>(stage.bytes))) +
                fmt::format("<td class=\"wide\">{}</td></tr>\n", escape_html(outcome));
    }
    return "<details><summary>The longest stages</summary>\n" +
           html_table({"kind", "what", ">rank", ">trials", ">predicted", ">measured", ">predicted size", ">written",
                       "outcome"},
                      rows, "The longest stages") +
           "</details>\n";
}

}  // namespace

std::string stopped_section(const ReportData& data) {
    if (data.stopped.empty()) return "";
    std::string rows;
    for (const StoppedGroup& group : data.stopped)
        rows += "<tr>" + html_number(fmt::format("{}", group.trials.size())) +
                html_number(fmt::format("{}", group.epoch)) +
                html_number(percent(group.trials.front().validation_accuracy)) +
                fmt::format("<td class=\"wide\">{}</td></tr>\n", trial_names(group.trials, data.leaderboard.varying));
    return "<section id=\"stopped\"><h2>Stopped early</h2>\n<p class=\"quiet\">The search's rule stopped these trials. "
           "What they have "
           "shown is kept: one that a larger search finds worth it goes on from there.</p>\n" +
           html_table({">trials", ">after epoch", ">best accuracy there", "which"}, rows, "Stopped early") +
           "</section>\n";
}

std::string failures_section(const ReportData& data) {
    if (data.failures.empty()) return "";
    std::string rows;
    for (const FailureGroup& group : data.failures)
        rows += "<tr>" + html_number(fmt::format("{}", group.trials.size())) +
                fmt::format("<td class=\"wide\">{}</td><td class=\"wide\">{}</td></tr>\n", escape_html(group.message),
                            trial_names(group.trials, data.leaderboard.varying));
    return "<section id=\"failed\"><h2>Failed trials</h2>\n" +
           html_table({">trials", "message", "which"}, rows, "Failed trials") + "</section>\n";
}

std::string stages_section(const ReportData& data) {
    if (data.stage_totals.empty()) return "";
    return "<section id=\"work\"><h2>Work done and shared</h2>\n<p class=\"quiet\">A stage is done once for all the "
           "trials it "
           "serves; a "
           "reused one stood in the cache already. Times and sizes are of stages that were computed.</p>\n" +
           html_paragraph(sharing_text(data), "") + run_totals(data) + stage_totals(data) + longest_stages(data) +
           "</section>\n";
}

std::string origin_section(const ReportData& data) {
    const SweepRecord& sweep = data.sweep;
    std::string rows;
    const auto row = [&](const std::string& name, const std::string& value) {
        if (!value.empty())
            rows += "<tr>" + html_cell(name) + fmt::format("<td class=\"wide\">{}</td></tr>\n", escape_html(value));
    };
    row("command line", sweep.command_line);
    row("data fingerprint", sweep.data_fingerprint);
    row("seeds", fmt::format("{}", fmt::join(data.analysis.seeds, ", ")));
    for (const auto& [name, value] : sweep.environment) row(name, value);
    std::string text = "<section id=\"repeat\"><h2>To repeat it</h2>\n";
    text += html_paragraph(data_text(sweep), "");
    text += html_paragraph(fmt::format("{}", fmt::join(sweep.classes, ", ")), "quiet");
    text += html_table({"what", "value"}, rows, "Versions, machine and inputs");
    text += fmt::format("<h3>Sweep file</h3>\n<pre tabindex=\"0\">{}</pre>\n", escape_html(sweep.yaml));
    return text + fmt::format("<p class=\"quiet\">Started {}, this page made {}.</p></section>\n",
                              escape_html(data.started), escape_html(data.made));
}

std::string run_total_text(const RunTotal& total) {
    // Three digits, so that what follows from them can be seen in them.
    const auto time = [](double s) { return s < 120 ? fmt::format("{:.3g} s", s) : human_seconds(s); };
    const std::string predicted = "predicted " + time(total.predicted_seconds);
    if (!total.ended) return fmt::format("{}, interrupted after {}", predicted, time(total.seconds));
    const std::string text = fmt::format("{}, measured {}", predicted, time(total.seconds));
    if (!(total.predicted_seconds > 0)) return text;
    const auto more = std::llround(100 * (total.seconds / total.predicted_seconds - 1));
    if (more == 0) return text + " (as predicted)";
    return fmt::format("{} ({} % {})", text, std::abs(more), more > 0 ? "more" : "less");
}

std::string data_text(const SweepRecord& sweep) {
    std::vector<std::string> parts = {fmt::format("{} {} in {}", sweep.classes.size(),
                                                  sweep.classes.size() == 1 ? "class" : "classes", sweep.data_folder)};
    parts.push_back(fmt::format("{} images to train", sweep.train_images));
    parts.push_back(fmt::format("{} to validate", sweep.validation_images));
    if (sweep.test_images > 0) parts.push_back(fmt::format("{} to test", sweep.test_images));
    if (sweep.bad_images > 0) parts.push_back(fmt::format("{} unreadable", sweep.bad_images));
    return fmt::format("{}.", fmt::join(parts, ", "));
}

std::string sharing_text(const ReportData& data) {
    double once = 0, each = 0;
    for (const StageTotal& total : data.stage_totals) {
        if (total.kind == "train") continue;  // whose trials share epochs, not stages
        once += total.seconds;
        each += total.seconds_for_each;
    }
    if (!(each > 1.05 * once)) return "";
    return fmt::format(
        "Decoding and frozen layers took {}, each image once; for every trial on its own that would have been {}, "
        "{:.0f} "
        "times as much.",
        human_seconds(once), human_seconds(each), each / once);
}

std::string status_text(const ReportData& data) {
    if (data.writer)
        return fmt::format("The sweep is running ({}); what follows is what is known so far.", *data.writer);
    if (data.outcome == "ok" || data.sweep.name.empty()) return "";
    return "The sweep was interrupted; the same command again goes on where it stopped.";
}

}  // namespace thaw
