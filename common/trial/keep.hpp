// Which weights of a trained trial are kept as a file.
#pragma once

#include <string>

#include "common/util/names.hpp"

namespace thaw {

enum class Keep { none, last, best };  // best: of the epoch with the best validation accuracy

inline const NameTable<Keep>& keep_names() {
    static const NameTable<Keep> names = {{Keep::none, "none"}, {Keep::last, "last"}, {Keep::best, "best"}};
    return names;
}

}  // namespace thaw
