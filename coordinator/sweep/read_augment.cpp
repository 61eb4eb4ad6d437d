#include "coordinator/sweep/read_augment.hpp"

#include <set>

#include "coordinator/sweep/read_settings.hpp"

namespace thaw {
namespace {

std::vector<std::string> augment_keys() {
    std::vector<std::string> keys = {"views"};  // which says `fresh` too
    for (const auto& row : setting_rows(Augment()).subspan(kFirstImageChange)) keys.emplace_back(row.name);
    return keys;
}

void read_views(const YamlReader& reader, const YAML::Node& node, Augment& augment) {
    if (reader.text(node, "views") == "fresh")
        augment.fresh = true;
    else
        read_setting(reader, node, setting_row(setting_rows(augment), "views"), augment);
}

/// With the same words and no number, nothing changes.
bool changes_images(const Augment& augment) {
    Augment nothing;
    nothing.views = augment.views;
    nothing.fresh = augment.fresh;
    nothing.fill_mode = augment.fill_mode;
    nothing.cval = augment.cval;
    nothing.crop_ratio = augment.crop_ratio;
    return augment != nothing;
}

}  // namespace

FactorRange read_interval(const YamlReader& reader, const YAML::Node& node, const std::string& name, const Range& range,
                          bool around_one) {
    if (around_one && node.IsScalar()) {
        const double reach = reader.number(node, name, {0, true, 1, false});
        return {1 - reach, 1 + reach};
    }
    const std::vector<YAML::Node> ends = reader.list(node, name);
    if (ends.size() != 2) reader.fail(node, "{} has {} numbers; write two, [low, high]", name, ends.size());
    const FactorRange interval{reader.number(ends[0], name, range), reader.number(ends[1], name, range)};
    if (interval.low > interval.high)
        reader.fail(node, "{} is [{}, {}]; write the smaller number first", name, interval.low, interval.high);
    return interval;
}

Augment read_augment(const YamlReader& reader, const YAML::Node& node) {
    Augment augment;
    if (!node.IsMap()) {
        if (reader.text(node, "augment") != "none")
            reader.fail(node,
                        "augment is '{}'; write none, or a map such as {{views: 4, rotation_range: 10, "
                        "horizontal_flip: true}}",
                        node.Scalar());
        return augment;
    }
    std::set<std::string> given;
    for (const auto& [name, value] : reader.entries(node, "augment", augment_keys())) {
        given.insert(name);
        if (name == "views")
            read_views(reader, value, augment);
        else
            read_setting(reader, value, setting_row(setting_rows(augment), name), augment);
    }
    if (augment.none())
        reader.fail(node,
                    "augment does not say how often images are changed; write views: 4 for four changed copies of each "
                    "training image, made once, or views: fresh for new ones in every epoch");
    if (!changes_images(augment))
        reader.fail(node,
                    "augment has nothing that changes an image; write none, or a range such as rotation_range: 10");
    if (given.contains("cval") && augment.fill_mode != FillMode::constant)
        reader.fail(node, "cval is the grey level of fill_mode: constant, which augment does not have");
    if (given.contains("crop_ratio") && augment.crop_scale == FactorRange{})
        reader.fail(node,
                    "crop_ratio without crop_scale; write crop_scale: [0.5, 1] for crops of half the area or more");
    return augment;
}

}  // namespace thaw
