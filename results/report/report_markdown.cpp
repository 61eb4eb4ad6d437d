// The Markdown twin of the HTML page: the same sentences and tables, without the charts.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "common/util/text.hpp"
#include "results/report/report_figures.hpp"
#include "results/report/report_pages.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostRows = 25, kMostPairsOfTable = 12;

/// A table; headings that start with ">" are numbers'. Cells are escaped already.
class MarkdownTable {
  public:
    explicit MarkdownTable(const std::vector<std::string>& headings) {
        std::vector<std::string> names, rule;
        for (const std::string& heading : headings) {
            const bool number = heading.starts_with('>');
            names.push_back(heading.substr(number ? 1 : 0));
            rule.emplace_back(number ? "---:" : "---");
        }
        add(names);
        add(rule);
    }
    void add(const std::vector<std::string>& cells) {
        text_ += "|";
        for (const std::string& cell : cells) text_ += " " + cell + " |";
        text_ += "\n";
    }
    std::string text() const { return text_ + "\n"; }

  private:
    std::string text_;
};

std::string answer_markdown(const ReportData& data) {
    if (data.leaderboard.trials.empty()) return "No trial has finished yet.\n\n";
    const Headline headline = headline_of(data);
    const std::string how = configuration_text(data, *data.winner(), false);
    return fmt::format("**{} reaches {} {}**{}.\n\n", escape_markdown(backbone_label(headline.trial->axes)),
                       headline.value, headline.measure, how.empty() ? "" : " with " + escape_markdown(how));
}

/// A code span, whatever backticks are in it.
std::string code(const std::string& text) {
    return text.find('`') == std::string::npos ? fmt::format("`{}`", clean_text(text)) : escape_markdown(text);
}

std::string list(const std::vector<Fact>& facts) {
    std::string text;
    for (const Fact& fact : facts)
        text += fmt::format("- **{}**: {}\n", fact.name, fact.code ? code(fact.text) : escape_markdown(fact.text));
    return text.empty() ? "" : text + "\n";
}

std::string problems(const ReportData& data) {
    std::string text;
    if (const std::vector<Fact> one = problem_one(data); !one.empty())
        text +=
            "## Problem One: what changes accuracy\n\n" + escape_markdown(problem_one_note(data)) + "\n\n" + list(one);
    const std::vector<RankedBackbone> rows = problem_two_rows(data);
    if (rows.size() < 2) return text;
    text += "## Problem Two: which backbone\n\n";
    for (const std::string& sentence : problem_two(data)) text += escape_markdown(sentence) + "\n\n";
    MarkdownTable table({"backbone", ">validation accuracy", ">95 % interval", "against the best", ">parameters",
                         ">GFLOP a photo", ">frozen layers, a photo", ">training step", "its best configuration"});
    for (const RankedBackbone& row : rows)
        table.add({escape_markdown(row.label), percent(row.configuration->accuracy.mean), interval_text(row.accuracy),
                   row.verdict, row.cost.parameters > 0 ? thousands(row.cost.parameters) : "–",
                   row.cost.flops > 0 ? fmt::format("{:.2f}", row.cost.flops / 1e9) : "–",
                   row.cost.frozen_seconds > 0 ? short_time(row.cost.frozen_seconds) : "–",
                   short_time(row.seconds_per_step),
                   escape_markdown(configuration_text(data, *row.configuration, false))});
    return text + table.text();
}

std::string heat(const char* title, const std::optional<HeatMap>& map) {
    if (!map) return "";
    std::vector<std::string> headings = {escape_markdown(map->row_name + " / " + map->column_name)};
    for (const std::string& column : map->columns) headings.push_back(">" + escape_markdown(column));
    MarkdownTable table(headings);
    for (std::size_t row = 0; row < map->rows.size(); ++row) {
        std::vector<std::string> cells = {escape_markdown(map->rows[row])};
        for (const HeatMap::Cell& cell : map->cells[row]) cells.push_back(cell.text);
        table.add(cells);
    }
    return fmt::format("## {}\n\n{}.\n\n", title, escape_markdown(map->title)) + table.text();
}

std::string class_scores_markdown(const ReportData& data) {
    const auto scores = winner_scores(data);
    if (!scores) return "";
    MarkdownTable table({"class", ">images", ">taken for it", ">precision", ">recall", ">F1"});
    for (const auto& row : scores->table.rows) {
        std::vector<std::string> cells;
        for (std::size_t i = 0; i < row.size(); ++i)
            cells.push_back(escape_markdown(cell_text(row[i], scores->table.columns[i])));
        table.add(cells);
    }
    std::string text = "## Precision and recall of each class\n\n";
    if (scores->left_out > 0)
        text += fmt::format("The classes with the lowest F1; {} more are in the average.\n\n", scores->left_out);
    return text + table.text();
}

std::string confused(const ReportData& data) {
    const auto winner = winner_images(data);
    if (!winner) return "";
    MarkdownTable table({"class", "and", ">first taken for second", ">second for first"});
    for (const ConfusedPair& pair : most_confused(confusion_of(*winner->images, *winner->predicted), kMostPairsOfTable))
        table.add({escape_markdown(class_name(data, pair.label)), escape_markdown(class_name(data, pair.other)),
                   fmt::format("{}", pair.as_other), fmt::format("{}", pair.as_label)});
    return fmt::format("## Most confused classes\n\nOf the {} images.\n\n", winner->part) + table.text();
}

std::string overfitting(const ReportData& data) {
    std::string text;
    for (const TrialCurve& curve : data.curves) {
        const RankedTrial& trial = data.leaderboard.trials[curve.trial];
        const std::string turned = overfitting_text(curve);
        if (!turned.empty())
            text += fmt::format("- {}: {}\n", escape_markdown(describe(trial.axes, data.leaderboard.varying)), turned);
    }
    return text.empty() ? "" : "## Over-fitting\n\n" + text + "\n";
}

std::string leaders(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    if (board.trials.empty()) return "";
    std::vector<std::string> headings = {">rank", "backbone"};
    std::vector<std::size_t> axes = board.varying;
    std::erase_if(axes, [](std::size_t axis) { return axis == kBackboneAxis || is_averaged(axis); });
    for (const std::size_t axis : axes)
        headings.push_back((std::isfinite(data.analysis.levels[axis].front().number) ? ">" : "") +
                           std::string(kAxes[axis].label));
    for (const char* heading : {">validation accuracy", ">95 % interval", ">seeds", ">train accuracy", ">loss"})
        headings.emplace_back(heading);
    const std::vector<RankingMetric> ranking = ranking_metrics(data.analysis);
    for (const RankingMetric& metric : ranking) headings.push_back(std::string(">") + metric.label);
    for (const char* heading : {">training", "best trial"}) headings.emplace_back(heading);
    MarkdownTable table(headings);
    for (std::size_t i = 0; i < std::min(kMostRows, data.analysis.configurations.size()); ++i) {
        const Configuration& configuration = data.analysis.configurations[i];
        const RankedTrial& trial = data.first_trial(configuration);
        std::vector<std::string> cells = {fmt::format("{}", i + 1), escape_markdown(backbone_label(trial.axes))};
        for (const std::size_t axis : axes) cells.push_back(escape_markdown(axis_text(trial.axes, axis)));
        for (const std::string& cell :
             {percent(configuration.accuracy.mean), interval_text(accuracy_interval(data, configuration)),
              fmt::format("{}", configuration.accuracy.count), percent(configuration.train_accuracy),
              decimals(configuration.validation_loss, 4)})
            cells.push_back(cell);
        for (const RankingMetric& metric : ranking) cells.push_back(decimals(configuration.*metric.value, 4));
        cells.insert(cells.end(), {short_time(configuration.seconds), escape_markdown(trial.id)});
        table.add(cells);
    }
    return "## Leaderboard\n\n" + table.text();
}

/// The first of a group.
std::string example(const std::vector<NamedTrial>& trials, const ReportData& data) {
    return escape_markdown(
        fmt::format("{}: {}", trials.front().id, describe(trials.front().axes, data.leaderboard.varying)));
}

std::string stopped(const ReportData& data) {
    if (data.stopped.empty()) return "";
    MarkdownTable table({">trials", ">after epoch", ">best accuracy there", "the best"});
    for (const StoppedGroup& group : data.stopped)
        table.add({fmt::format("{}", group.trials.size()), fmt::format("{}", group.epoch),
                   percent(group.trials.front().validation_accuracy), example(group.trials, data)});
    return "## Stopped early\n\n" + table.text();
}

std::string failures(const ReportData& data) {
    if (data.failures.empty()) return "";
    MarkdownTable table({">trials", "message", "for example"});
    for (const FailureGroup& group : data.failures)
        table.add(
            {fmt::format("{}", group.trials.size()), escape_markdown(group.message), example(group.trials, data)});
    return "## Failed trials\n\n" + table.text();
}

std::string work(const ReportData& data) {
    std::string text;
    if (const std::string saved = sharing_text(data); !saved.empty()) text += saved + "\n\n";
    if (!data.run_totals.empty()) text += "Each run from its first stage's start to its last one's end.\n\n";
    for (const RunTotal& total : data.run_totals)
        text += fmt::format("- {}: {}\n", escape_markdown(total.started), run_total_text(total));
    return text.empty() ? "" : "## Predicted and measured\n\n" + text + "\n";
}

std::string origin(const ReportData& data) {
    const SweepRecord& sweep = data.sweep;
    MarkdownTable table({"what", "value"});
    const auto add = [&](const std::string& name, const std::string& value) {
        table.add({escape_markdown(name), escape_markdown(value)});
    };
    add("command line", sweep.command_line);
    add("data fingerprint", sweep.data_fingerprint);
    add("seeds", fmt::format("{}", fmt::join(data.analysis.seeds, ", ")));
    for (const auto& [name, value] : sweep.environment) add(name, value);
    std::string yaml;  // indented, it is a block of code whatever is in it
    for (std::size_t at = 0; at < sweep.yaml.size();) {
        const std::size_t end = std::min(sweep.yaml.find('\n', at), sweep.yaml.size());
        yaml += "    " + clean_text(std::string_view(sweep.yaml).substr(at, end - at)) + "\n";
        at = end + 1;
    }
    return "## To repeat it\n\n" + escape_markdown(data_text(sweep)) + "\n\n" + table.text() + "The sweep file:\n\n" +
           yaml + "\n";
}

}  // namespace

std::string report_markdown(const ReportData& data) {
    const Leaderboard& board = data.leaderboard;
    std::string text = fmt::format("# {}\n\n", escape_markdown(data.sweep.name)) + answer_markdown(data);
    if (const std::string status = status_text(data); !status.empty()) text += escape_markdown(status) + "\n\n";
    text += list(facts_of(data)) + escape_markdown(progress_text(board)) + ".\n\n";
    if (board.any && !board.constant.empty())
        text += fmt::format("All with: {}.\n\n", escape_markdown(describe(*board.any, board.constant)));
    text += problems(data) + heat("Freeze and backbone", freeze_map(data)) + overfitting(data) +
            heat("What is taken for what", confusion_map(data)) + class_scores_markdown(data) + confused(data) +
            leaders(data) + stopped(data) + failures(data) + work(data) + origin(data);
    return text + fmt::format("Made {} by thaw.\n", data.made);
}

}  // namespace thaw
