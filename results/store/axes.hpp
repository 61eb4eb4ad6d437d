// The axes of trials as the results know them: one table, from which columns are written, listed, compared and shown.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "common/util/table.hpp"

namespace thaw {

struct Trial;

/// An axis: its column in the database and how people read it.
struct AxisColumn {
    const char* column;
    const char* label;
    const char* usual = nullptr;  // the value that goes without saying, as text
};
inline constexpr auto kAxes = std::to_array<AxisColumn>({{"backbone", "backbone"},
                                                         {"weights", "weights"},
                                                         {"freeze", "freeze"},
                                                         {"pooling", "pooling"},
                                                         {"head", "head"},
                                                         {"dropout", "dropout"},
                                                         {"optimizer", "optimizer"},
                                                         {"learning_rate", "learning rate"},
                                                         {"batch_size", "batch size"},
                                                         {"epochs", "epochs"},
                                                         {"seed", "seed"},
                                                         {"image_size", "image size"},
                                                         {"precision", "precision", "fp32"},
                                                         // Behind all else wherever columns are in order:
                                                         {"until", "until", "none"},
                                                         {"loss", "loss function", "categorical_crossentropy"},
                                                         {"label_smoothing", "label smoothing", "0"},
                                                         {"class_weights", "class weights", "none"},
                                                         {"schedule", "schedule", "constant"},
                                                         {"early_stopping", "early stopping", "none"},
                                                         {"augment", "augment", "none"},
                                                         {"fold", "fold", "none"},
                                                         {"phases", "phases before", "none"}});

constexpr std::size_t axis_of(std::string_view column) {
    std::size_t axis = 0;
    while (kAxes.at(axis).column != column) ++axis;
    return axis;
}
inline constexpr std::size_t kBackboneAxis = axis_of("backbone"), kWeightsAxis = axis_of("weights"),
                             kFreezeAxis = axis_of("freeze"), kHeadAxis = axis_of("head"),
                             kDropoutAxis = axis_of("dropout"), kLearningRateAxis = axis_of("learning_rate"),
                             kSeedAxis = axis_of("seed"), kPrecisionAxis = axis_of("precision"),
                             kFoldAxis = axis_of("fold");
/// Axes from here on came when views had their columns: those of axes come last there.
inline constexpr std::size_t kFirstLaterAxis = axis_of("until");

/// Trials that differ only on these axes are one configuration, and are averaged.
constexpr bool is_averaged(std::size_t axis) {
    return axis == kSeedAxis || axis == kFoldAxis;
}

/// A trial's values on all axes, in kAxes' order.
using AxisValues = std::array<Cell, kAxes.size()>;
AxisValues values_of(const Trial& trial);

/// The columns of some axes with commas between them, for SQL: all, or those from one to before another.
std::string axis_columns(std::size_t begin = 0, std::size_t end = kAxes.size());

/// SQL that leaves room for axes, filled in: {axes} that there always were, with frozen_layers and cut; {later_axes};
/// {axes but averaged}, {later_axes but averaged}; {axis_points}, a SELECT for each.
std::string with_axes(std::string sql);

}  // namespace thaw
