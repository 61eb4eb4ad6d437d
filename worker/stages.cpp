#include "worker/stages.hpp"

#include <new>

#include "worker/frozen_stages.hpp"
#include "worker/train_stage.hpp"

namespace thaw {

StageResult run_stage(const StageSpec& spec, StageContext& context, const StageReports& reports,
                      const std::stop_token& stop, Group* group) {
    const auto tell_others = [&](const char* message) {
        if (group) group->fail(message);
    };
    try {
        const StageResult result =
            std::visit([&](const auto& stage) { return run(stage, context, reports, stop, group); }, spec);
        if (group) group->barrier();
        return result;
    } catch (const std::bad_alloc&) {
        tell_others("out of memory");
        throw;
    } catch (const std::exception& error) {
        tell_others(error.what());
        throw;
    }
}

}  // namespace thaw
