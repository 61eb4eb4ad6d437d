// The axes of a sweep: what each is called, how its values are read, named and put into a trial.
#pragma once

#include <string>
#include <vector>

#include "coordinator/sweep/sweep.hpp"
#include "coordinator/sweep/yaml_reader.hpp"

namespace thaw {

/// The names that a sweep may use. Where a list is empty, any name passes here.
struct Vocabulary {
    std::vector<std::string> backbones;
    std::vector<std::string> weights;  // the registry's entries; "imagenet" and "random" need not be among them
    std::vector<std::string> preprocessings;
};

/// What it takes to read a value.
struct AxisContext {
    const YamlReader& reader;
    const Vocabulary& vocabulary;
};

/// A row of the table of axes, with what it takes to read it.
struct AxisKind {
    AxisId id;
    const char* name;  // as sweep files spell it
    const AxisRow* row;
    Setting usual;  // struct Trial's default
    /// Null where the row's form and member say enough.
    Setting (*own_read)(const AxisContext& context, const YAML::Node& node);
    void (*own_assign)(Trial& trial, const Setting& setting);

    Setting read(const AxisContext& context, const YAML::Node& node) const;
    void assign(Trial& trial, const Setting& setting) const;
};

/// All of them, by place.
const std::vector<AxisKind>& axis_kinds();
const AxisKind& axis_kind(AxisId id);
std::vector<std::string> axis_names();

/// The axis of this name, which must be one of axis_names().
AxisId find_axis(const std::string& name);

/// An axis from its YAML value: a scalar or a map is one value, a list is as many as it has elements, and a map such as
/// {uniform: [0, 1]} is a distribution.
Axis read_axis(const AxisContext& context, AxisId id, const YAML::Node& key, const YAML::Node& node);

/// "256-128-64", "[0.5, 0.3]", "sgd(momentum=0.9)": for people, and equal exactly where the settings are.
std::string setting_text(const Setting& setting);

}  // namespace thaw
