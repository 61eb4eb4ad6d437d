// Every row of the table of axes: what it says of ids, JSON and the results' values is what they are.
#include "common/trial/axis_table.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace thaw {
namespace {

/// Makes the axis' value another one.
struct Change {
    Trial& trial;
    void operator()(std::monostate) const { trial.head.pooling = Pooling::max; }
    void operator()(const WordMember<Trial>& word) const { word.set(trial, "axis", word.words().back()); }
    template <typename Value>
    void operator()(Value Trial::*member) const {
        change(trial.*member);
    }
    static void change(std::string& text) { text += "x"; }
    static void change(int& number) { ++number; }
    static void change(std::uint64_t& number) { ++number; }
    static void change(double& number) { number += 0.25; }
    static void change(std::vector<double>& rates) { rates.push_back(0.5); }
    static void change(Head& head) { head.widths.push_back(8); }
    static void change(Optimizer& optimizer) { optimizer.kind = OptimizerKind::sgd; }
    static void change(ClassWeights& weights) { weights.balanced = true; }
    static void change(Schedule& schedule) { schedule.kind = ScheduleKind::cosine; }
    static void change(EarlyStop& stop) { stop.patience = 3; }
    static void change(Augment& augment) { augment.fresh = true; }
    static void change(std::vector<Phase>& phases) { phases.push_back({}); }
};

TEST(AxisTable, EveryRowDecidesTheIdOrNotAsItSaysAndReadsBack) {
    Trial usual;
    usual.folds = 5;  // or a fold would have no name
    for (const AxisRow& row : kAxes) {
        SCOPED_TRACE(row.name);
        Trial trial = usual;
        std::visit(Change{trial}, row.member);
        EXPECT_EQ(trial_id(trial, "data") != trial_id(usual, "data"), row.decides);
        EXPECT_NE(to_json(trial), to_json(usual));
        EXPECT_EQ(to_json(trial_from_json(to_json(trial))), to_json(trial));
        EXPECT_NE(axis_value(row, trial), axis_value(row, usual));
    }
}

TEST(AxisTable, WordsAreReadAsTheyAreWritten) {
    for (const AxisRow& row : kAxes) {
        const auto* word = std::get_if<WordMember<Trial>>(&row.member);
        EXPECT_EQ(word != nullptr, std::holds_alternative<Word>(row.form)) << row.name;
        if (!word) continue;
        for (const std::string& name : word->words()) {
            Trial trial;
            word->set(trial, row.name, name);
            EXPECT_EQ(word->get(trial), name);
        }
        Trial trial;
        EXPECT_THROW(word->set(trial, row.name, "no such word"), UserError);
    }
}

TEST(AxisTable, NamesAreDistinctAndWhatMayGoUnsaidHasAText) {
    std::set<std::string> names;
    for (const AxisRow& row : kAxes) EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (std::size_t axis = kFirstUnsaidAxis; axis < kAxes.size(); ++axis)
        EXPECT_NE(usual_value(kAxes[axis]), Cell()) << kAxes[axis].name;
    EXPECT_EQ(usual_value(kAxes[axis_of("until")]), Cell("none"));
    EXPECT_EQ(usual_value(kAxes[axis_of("schedule")]), Cell("constant"));
    EXPECT_EQ(usual_value(kAxes[axis_of("precision")]), Cell("fp32"));
}

}  // namespace
}  // namespace thaw
