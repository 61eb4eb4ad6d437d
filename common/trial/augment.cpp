#include "common/trial/augment.hpp"

#include "common/util/settings_text.hpp"

namespace thaw {
const NameTable<FillMode>& names_of(FillMode) {
    static const NameTable<FillMode> names = {{FillMode::nearest, "nearest"},
                                              {FillMode::reflect, "reflect"},
                                              {FillMode::constant, "constant"},
                                              {FillMode::wrap, "wrap"}};
    return names;
}

std::string augment_name(const Augment& augment) {
    if (augment.none()) return "none";
    SettingsText settings;
    settings.note(setting_rows(augment).subspan(kFirstImageChange), augment, Augment());
    const std::string often = augment.fresh ? "fresh" : fmt::format("views={}", augment.views);
    return settings.empty() ? often : often + " " + settings.joined(" ");
}

}  // namespace thaw
