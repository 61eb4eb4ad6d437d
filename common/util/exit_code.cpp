#include "common/util/exit_code.hpp"

#include "common/util/error.hpp"
#include "common/util/storage.hpp"

namespace thaw {

ExitCode usual_exit_code(const std::exception& error) {
    if (dynamic_cast<const UserError*>(&error)) return kWrongInput;
    return is_storage_error(error) ? kInterrupted : kSomeTrialsFailed;
}

}  // namespace thaw
