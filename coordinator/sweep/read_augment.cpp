#include "coordinator/sweep/read_augment.hpp"

#include <set>

namespace thaw {
namespace {

constexpr std::int64_t kMostViews = 1000;

struct NumberKey {
    const char* name;
    double Augment::*member;
    Range range;
};
const std::vector<NumberKey> kNumberKeys = {
    {"rotation_range", &Augment::rotation_range, {0, true, 180, true}},
    {"width_shift_range", &Augment::width_shift_range, {0, true, 1, false}},
    {"height_shift_range", &Augment::height_shift_range, {0, true, 1, false}},
    {"shear_range", &Augment::shear_range, {0, true, 90, false}},
    {"channel_shift_range", &Augment::channel_shift_range, {0, true, 255, true}},
    {"cval", &Augment::cval, {0, true, 255, true}},
};

struct RangeKey {
    const char* name;
    FactorRange Augment::*member;
    Range range;  // of both ends
};
const std::vector<RangeKey> kIntervals = {
    {"zoom_range", &Augment::zoom_range, {0, false, 10, true}},
    {"brightness_range", &Augment::brightness_range, {0, true, 10, true}},
    {"crop_scale", &Augment::crop_scale, {0, false, 1, true}},
    {"crop_ratio", &Augment::crop_ratio, {0, false, 100, true}},
};

struct SwitchKey {
    const char* name;
    bool Augment::*member;
};
const std::vector<SwitchKey> kSwitches = {{"horizontal_flip", &Augment::horizontal_flip},
                                          {"vertical_flip", &Augment::vertical_flip}};

std::vector<std::string> keys() {
    std::vector<std::string> keys = {"views", "fill_mode"};
    for (const auto& key : kNumberKeys) keys.emplace_back(key.name);
    for (const auto& key : kIntervals) keys.emplace_back(key.name);
    for (const auto& key : kSwitches) keys.emplace_back(key.name);
    return keys;
}

FactorRange read_range(const YamlReader& reader, const YAML::Node& node, const RangeKey& key) {
    const std::string name = key.name;
    if (name == "zoom_range" && node.IsScalar()) {
        const double zoom = reader.number(node, name, {0, true, 1, false});
        return {1 - zoom, 1 + zoom};
    }
    const std::vector<YAML::Node> ends = reader.list(node, name);
    if (ends.size() != 2) reader.fail(node, "{} has {} numbers; write two, [low, high]", name, ends.size());
    const FactorRange interval{reader.number(ends[0], name, key.range), reader.number(ends[1], name, key.range)};
    if (interval.low > interval.high)
        reader.fail(node, "{} is [{}, {}]; write the smaller number first", name, interval.low, interval.high);
    return interval;
}

void read_views(const YamlReader& reader, const YAML::Node& node, Augment& augment) {
    if (reader.text(node, "views") == "fresh")
        augment.fresh = true;
    else
        augment.views = static_cast<int>(reader.integer(node, "views", 1, kMostViews));
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
    for (const auto& [name, value] : reader.entries(node, "augment", keys())) {
        given.insert(name);
        if (name == "views") read_views(reader, value, augment);
        if (name == "fill_mode")
            augment.fill_mode = reader.at(
                value, [&] { return parse_name("fill_mode", names_of(FillMode{}), reader.text(value, "fill_mode")); });
        for (const NumberKey& key : kNumberKeys)
            if (name == key.name) augment.*key.member = reader.number(value, name, key.range);
        for (const RangeKey& key : kIntervals)
            if (name == key.name) augment.*key.member = read_range(reader, value, key);
        for (const SwitchKey& key : kSwitches)
            if (name == key.name) augment.*key.member = reader.boolean(value, name);
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
