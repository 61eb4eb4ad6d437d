#include "common/trial/optimizer.hpp"

#include "common/util/settings_text.hpp"

namespace thaw {

const NameTable<OptimizerKind>& names_of(OptimizerKind) {
    static const NameTable<OptimizerKind> names = [] {
        NameTable<OptimizerKind> table;
        for (const OptimizerRow& row : kOptimizers) table.emplace_back(row.kind, row.name);
        return table;
    }();
    return names;
}

const NameTable<OptimizerStyle>& names_of(OptimizerStyle) {
    static const NameTable<OptimizerStyle> names = {{OptimizerStyle::keras, "keras"},
                                                    {OptimizerStyle::pytorch, "pytorch"}};
    return names;
}

const OptimizerRow& optimizer_row(OptimizerKind kind) {
    for (const OptimizerRow& row : kOptimizers)
        if (row.kind == kind) return row;
    THAW_CHECK(false, "no row for optimizer {}", static_cast<int>(kind));
}

Optimizer usual_optimizer(OptimizerKind kind, OptimizerStyle style) {
    const bool keras = style == OptimizerStyle::keras;
    Optimizer usual{.kind = kind, .style = style};
    if (!keras) {
        usual.epsilon = 1e-8;
        usual.rho = 0.99;  // RMSprop's alpha
    }
    usual.weight_decay = keras ? optimizer_row(kind).keras_decay : optimizer_row(kind).pytorch_decay;
    return usual;
}

const char* to_string(OptimizerKind kind) {
    return word_of(kind);
}

OptimizerKind parse_optimizer_kind(const std::string& name) {
    return parse_name("optimizer", names_of(OptimizerKind{}), name);
}

std::string optimizer_name(const Optimizer& optimizer) {
    SettingsText settings;
    if (optimizer.style != OptimizerStyle::keras) settings.add(word_of(optimizer.style));
    settings.note(setting_rows(optimizer), optimizer, usual_optimizer(optimizer.kind, optimizer.style));
    if (settings.empty()) return to_string(optimizer.kind);
    return fmt::format("{}({})", to_string(optimizer.kind), settings.joined(","));
}

}  // namespace thaw
