// The optimizers, a row each, and their settings, a row each: what sweep files, JSON, labels and the schema know of
// them is derived. Their formulas: worker/heads/optimizer_rules.hpp.
#pragma once

#include <array>
#include <span>
#include <string>

#include "common/util/names.hpp"
#include "common/util/settings.hpp"

namespace thaw {

enum class OptimizerKind { adam, adamw, sgd, rmsprop };

/// Whose formulas, and whose defaults where a sweep says nothing: the two differ in where epsilon is added, in how
/// momentum and the learning rate meet, and in what weight decay is; see worker/heads/optimizer_rules.hpp.
enum class OptimizerStyle { keras, pytorch };

/// An optimizer without its learning rate, which is an axis of its own. The defaults are Keras'.
struct Optimizer {
    OptimizerKind kind = OptimizerKind::adam;
    double momentum = 0.0;  // sgd, rmsprop
    bool nesterov = false;  // sgd
    double beta1 = 0.9;     // adam, adamw
    double beta2 = 0.999;   // adam, adamw
    double rho = 0.9;       // rmsprop; PyTorch's alpha
    double epsilon = 1e-7;  // adam: added to sqrt(v); rmsprop: added to v, inside the root (as Keras does)
    OptimizerStyle style = OptimizerStyle::keras;
    double weight_decay = 0;     // of all trained parameters
    double clipvalue = 0;        // each gradient into [-clipvalue, clipvalue]; 0: not clipped, as of the other two
    double clipnorm = 0;         // each parameter tensor's gradient to at most this norm
    double global_clipnorm = 0;  // all gradients together to at most this norm
    bool operator==(const Optimizer&) const = default;
};

const NameTable<OptimizerKind>& names_of(OptimizerKind);
const NameTable<OptimizerStyle>& names_of(OptimizerStyle);

struct OptimizerRow {
    OptimizerKind kind;
    const char* name;
    int (*moments)(const Optimizer& optimizer);  // how many are kept a parameter: 0, 1 or 2
    std::array<const char*, 4> settings;         // beside those of all
    double keras_decay = 0, pytorch_decay = 0;   // weight_decay where a sweep says nothing
};

inline constexpr auto kOptimizers = std::to_array<OptimizerRow>({
    {OptimizerKind::adam, "adam", [](const Optimizer&) { return 2; }, {"beta1", "beta2", "epsilon"}},
    {OptimizerKind::adamw, "adamw", [](const Optimizer&) { return 2; }, {"beta1", "beta2", "epsilon"}, 0.004, 0.01},
    {OptimizerKind::sgd,
     "sgd",
     [](const Optimizer& optimizer) { return optimizer.momentum > 0 ? 1 : 0; },
     {"momentum", "nesterov"}},
    {OptimizerKind::rmsprop, "rmsprop", [](const Optimizer&) { return 2; }, {"rho", "momentum", "epsilon"}},
});
inline constexpr std::array kSettingsOfAllOptimizers = {"weight_decay", "clipvalue", "clipnorm", "global_clipnorm",
                                                        "style"};

/// In the order of names for people. A new one comes last, so that ids from before it stay.
inline constexpr auto kOptimizerSettings = std::to_array<SettingRow<Optimizer>>({
    {"kind", kWords<&Optimizer::kind>},
    {"momentum", &Optimizer::momentum, {0, true, 1, false}},
    {"nesterov", &Optimizer::nesterov},
    {"beta1", &Optimizer::beta1, {0, true, 1, false}},
    {"beta2", &Optimizer::beta2, {0, true, 1, false}},
    {"rho", &Optimizer::rho, {0, true, 1, false}},
    {"epsilon", &Optimizer::epsilon, {0, false, 1, true}},
    {"style", kWords<&Optimizer::style>},
    {"weight_decay", &Optimizer::weight_decay, {0, true, 10, true}},
    {"clipvalue", &Optimizer::clipvalue, {0, false, 1e9, true}},
    {"clipnorm", &Optimizer::clipnorm, {0, false, 1e9, true}},
    {"global_clipnorm", &Optimizer::global_clipnorm, {0, false, 1e9, true}},
});
/// Those from here on came when ids had what is before them.
inline constexpr std::size_t kFirstLaterOptimizerSetting = 7;

inline std::span<const SettingRow<Optimizer>> setting_rows(const Optimizer&) {
    return kOptimizerSettings;
}

const OptimizerRow& optimizer_row(OptimizerKind kind);
inline int optimizer_moments(const Optimizer& optimizer) {
    return optimizer_row(optimizer.kind).moments(optimizer);
}

/// What an optimizer is where a sweep says no more than its kind and whose formulas it follows: Keras' defaults or
/// PyTorch's, but for momentum, which is 0 in both.
Optimizer usual_optimizer(OptimizerKind kind, OptimizerStyle style);

const char* to_string(OptimizerKind kind);
OptimizerKind parse_optimizer_kind(const std::string& name);  // throws UserError with the names there are
/// "adam", or with what differs from the defaults: "sgd(momentum=0.9)".
std::string optimizer_name(const Optimizer& optimizer);

}  // namespace thaw
