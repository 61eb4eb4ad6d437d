#include "results/query/schema_help.hpp"

#include "results/query/embedded.hpp"
#include "results/store/axes.hpp"

namespace thaw {

std::string schema_help() {
    return with_axes(kSchemaHelp);
}

}  // namespace thaw
