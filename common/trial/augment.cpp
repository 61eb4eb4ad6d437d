#include "common/trial/augment.hpp"

#include "common/util/settings_text.hpp"

namespace thaw {
namespace {

std::string text(const FactorRange& interval) {
    return fmt::format("{}..{}", interval.low, interval.high);
}

}  // namespace

const NameTable<FillMode>& names_of(FillMode) {
    static const NameTable<FillMode> names = {{FillMode::nearest, "nearest"},
                                              {FillMode::reflect, "reflect"},
                                              {FillMode::constant, "constant"},
                                              {FillMode::wrap, "wrap"}};
    return names;
}

std::string augment_name(const Augment& augment) {
    if (augment.none()) return "none";
    const Augment usual;
    SettingsText settings;
    settings.note("rotation_range", augment.rotation_range, usual.rotation_range)
        .note("width_shift_range", augment.width_shift_range, usual.width_shift_range)
        .note("height_shift_range", augment.height_shift_range, usual.height_shift_range)
        .note("shear_range", augment.shear_range, usual.shear_range)
        .note("zoom_range", text(augment.zoom_range), text(usual.zoom_range))
        .note("brightness_range", text(augment.brightness_range), text(usual.brightness_range))
        .note("channel_shift_range", augment.channel_shift_range, usual.channel_shift_range)
        .note("horizontal_flip", augment.horizontal_flip, usual.horizontal_flip)
        .note("vertical_flip", augment.vertical_flip, usual.vertical_flip)
        .note("fill_mode", std::string(word_of(augment.fill_mode)), std::string(word_of(usual.fill_mode)))
        .note("cval", augment.cval, usual.cval)
        .note("crop_scale", text(augment.crop_scale), text(usual.crop_scale))
        .note("crop_ratio", text(augment.crop_ratio), text(usual.crop_ratio));
    const std::string often = augment.fresh ? "fresh" : fmt::format("views={}", augment.views);
    return settings.empty() ? often : often + " " + settings.joined(" ");
}

}  // namespace thaw
