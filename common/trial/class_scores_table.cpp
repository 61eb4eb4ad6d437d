#include "common/trial/class_scores_table.hpp"

namespace thaw {

Table class_scores_table(const std::vector<std::string>& classes, const std::vector<ClassScores>& scores) {
    Table table{{"class", "images", "predicted", "precision", "recall", "F1"}, {}};
    const auto unless_0 = [](int whole, double ratio) { return whole > 0 ? Cell(ratio) : Cell(); };
    const auto add = [&](const std::string& name, const ClassScores& one) {
        table.rows.push_back({name, std::int64_t{one.images}, std::int64_t{one.predicted},
                              unless_0(one.predicted, one.precision), unless_0(one.images, one.recall),
                              unless_0(one.images + one.predicted, one.f1)});
    };
    for (std::size_t i = 0; i < scores.size(); ++i) add(classes[i], scores[i]);
    add(kMacroAverage, macro_average(scores));
    return table;
}

}  // namespace thaw
