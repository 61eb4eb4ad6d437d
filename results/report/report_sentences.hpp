// What the report says in words, the same in HTML and in Markdown: plain text, to be escaped where it is written.
#pragma once

#include <string>
#include <vector>

#include "results/report/report_data.hpp"

namespace thaw {

/// "mobilenet_v2 reaches 93.1 % test accuracy".
struct Headline {
    const RankedTrial* trial;        // which stands for the winner
    std::string value, measure, of;  // "97.22 %", "validation accuracy", "mean of 3 seeds"
};
/// Of a report with at least one finished trial. Where the winner has predictions of test images, that accuracy leads.
Headline headline_of(const ReportData& data);

struct Fact {
    std::string name, text;
    bool code = false;
};
/// Uncertainty, runner-up, costs, usage: one line each. Empty where nothing has finished.
std::vector<Fact> facts_of(const ReportData& data);

/// What the winner's accuracy is without the validation images that are trained on too; empty where there are none, or
/// no predictions.
std::string trained_copies_text(const ReportData& data);

/// One paragraph for every axis but the backbone, freeze first: what each value gains, all else equal.
std::vector<Fact> hyperparameter_effects(const ReportData& data);
/// How to read them.
std::string effects_note(const ReportData& data);

/// A backbone by its best configuration.
struct RankedBackbone {
    const Configuration* configuration;
    const RankedTrial* trial;
    std::string label;
    Interval accuracy;
    BackboneCost cost;
    double seconds_per_step = 0;
    std::string verdict;  // against the best one
};
std::vector<RankedBackbone> ranked_backbones(const ReportData& data);
/// The verdict, and what the backbones differ by with all else equal. Empty where there is only one.
std::vector<std::string> backbone_comparison(const ReportData& data);

/// What the curve says of overfitting; empty where validation loss did not rise by more than its noise.
std::string overfitting_text(const TrialCurve& curve);

/// The t interval over seeds where there are several, else Wilson's over the validation images.
Interval accuracy_interval(const ReportData& data, const Configuration& configuration);
/// Values on the axes that vary, but for the seed; with or without the backbone.
std::string configuration_text(const ReportData& data, const Configuration& configuration, bool with_backbone = true);
std::string interval_text(Interval interval);  // "91.0 to 94.2 %"
std::string short_time(double seconds);        // also far below a second: "0.35 ms"

/// The classes' names by label; "class 7" where the database has none.
std::string class_name(const ReportData& data, int label);

}  // namespace thaw
