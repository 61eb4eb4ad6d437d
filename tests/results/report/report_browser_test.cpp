// The report in a real browser (tests/results/report/browser.py): scripts on and off, on a phone and a wide screen.
#include <gtest/gtest.h>

#include <cstdlib>

#include "results/report/report.hpp"
#include "tests/end_to_end/thaw_process.hpp"
#include "tests/results/report/report_fixture.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/data/thumbnail.hpp"

namespace thaw {
namespace {

TEST(ReportInABrowser, HasItsChartsAndTablesAndAsksForNothing) {
    const TemporaryFolder folder;
    draw_shapes(folder / "photos");
    SweepRecord sweep = shape_sweep(folder / "photos", 12);
    sweep.classes[1] = "<script>alert(1)</script>";
    std::vector<Trial> trials = synthetic_trials(192);
    for (std::size_t i = 96; i < 192; ++i) trials[i].dropout = {0.2, 0.2};
    for (std::size_t i = 0; i < 192; ++i) trials[i].seed = 1 + i / 32 % 3;
    {
        Store store(folder / "results.db");
        store.begin_sweep(sweep, trials);
        for (std::size_t i = 0; i < 190; ++i) finish_with_predictions(store, trials[i], sweep.validation);
        store.fail_trial(trials[190].id, "out of memory");
        store.record_epoch(trials[191].id, synthetic_epoch(trials[191], 1));
        store.stop_trial(trials[191].id);
        store.record_stage(
            {.kind = "features", .description = "resnet50 at 224 px, 2 cuts", .trials = 96, .seconds = 1});
        store.end_sweep(RunOutcome::ok);
    }
    write_report(folder / "results.db", folder / "report.html", "", thumbnail);
    const std::string command =
        "python3 " THAW_SOURCE_DIR "/tests/results/report/browser.py " + (folder / "report.html").string();
    const int status = std::system(command.c_str());
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no chromium here";
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace thaw
