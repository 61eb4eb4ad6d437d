#include "common/trial/axis_table.hpp"

namespace thaw {
namespace {

Cell cell_of(const std::string& text) {
    return text;
}
Cell cell_of(int number) {
    return std::int64_t{number};
}
Cell cell_of(std::uint64_t number) {
    return static_cast<std::int64_t>(number);
}
Cell cell_of(double number) {
    return number;
}
Cell cell_of(const std::vector<double>& rates) {
    return dropout_name(rates);
}
Cell cell_of(const Head& head) {
    return head_name(head);
}
Cell cell_of(const Optimizer& optimizer) {
    return optimizer_name(optimizer);
}
Cell cell_of(const ClassWeights& weights) {
    return class_weights_name(weights);
}
Cell cell_of(const Schedule& schedule) {
    return schedule_name(schedule);
}
Cell cell_of(const EarlyStop& stop) {
    return early_stop_name(stop);
}
Cell cell_of(const Augment& augment) {
    return augment_name(augment);
}
Cell cell_of(const std::vector<Phase>& phases) {
    return phases_name(phases);
}

struct ValueOf {
    const Trial& trial;
    Cell operator()(std::monostate) const { return {}; }
    Cell operator()(const WordMember<Trial>& word) const { return word.get(trial); }
    template <typename Value>
    Cell operator()(Value Trial::*member) const {
        return cell_of(trial.*member);
    }
};

}  // namespace

Cell axis_value(const AxisRow& row, const Trial& trial) {
    return row.value ? row.value(trial) : std::visit(ValueOf{trial}, row.member);
}

Cell usual_value(const AxisRow& row) {
    return axis_value(row, Trial());
}

}  // namespace thaw
