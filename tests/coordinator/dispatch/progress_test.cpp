#include "coordinator/dispatch/progress.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

namespace thaw {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// What a display writes.
class Paper {
  public:
    ~Paper() {
        std::fclose(file_);
        std::free(text_);
    }
    std::FILE* file() { return file_; }
    std::string text() {
        std::fflush(file_);
        return {text_, bytes_};
    }

  private:
    char* text_ = nullptr;
    std::size_t bytes_ = 0;
    std::FILE* file_ = ::open_memstream(&text_, &bytes_);
};

TEST(DurationText, IsAsRoughAsPeopleWant) {
    EXPECT_EQ(duration_text(0.4), "0 s");
    EXPECT_EQ(duration_text(59.4), "59 s");
    EXPECT_EQ(duration_text(59.6), "1 min 00 s");
    EXPECT_EQ(duration_text(200), "3 min 20 s");
    EXPECT_EQ(duration_text(7512), "2 h 05 min");
}

TEST(ProgressDisplay, TellsTrialsFailuresAndTheBestInOneLine) {
    Paper paper;
    ProgressDisplay display(paper.file(), ProgressDisplay::Mode::lines);
    display.begin(3, 10);
    display.trial_finished(0.5, "worse");
    display.trial_finished(0.75, "better");
    display.trial_failed();
    display.refresh(true);
    EXPECT_EQ(paper.text(), "2/3 trials, 1 failed | best 0.750 better\n");
}

TEST(ProgressDisplay, TellsTheSpeedOfWhatCountsImages) {
    Paper paper;
    ProgressDisplay display(paper.file(), ProgressDisplay::Mode::lines);
    display.begin(1, 10);
    display.stage_started(4, "features", 5);
    display.images_done(4, 32);
    display.images_done(99, 1);  // a stage that it does not know
    display.refresh(true);
    EXPECT_THAT(paper.text(), HasSubstr(" | features "));
    EXPECT_THAT(paper.text(), EndsWith(" images/s\n"));
}

TEST(ProgressDisplay, GuessesTheTimeLeftOnceSomethingIsDone) {
    Paper paper;
    ProgressDisplay display(paper.file(), ProgressDisplay::Mode::lines);
    display.begin(2, 10);
    display.stage_started(0, "train", 5);
    display.refresh(true);
    EXPECT_THAT(paper.text(), Not(HasSubstr("left")));
    display.stage_ended(0);
    display.refresh(true);
    EXPECT_THAT(paper.text(), EndsWith(" | 0 s left\n"));
}

TEST(ProgressDisplay, SaysNothingTwiceAndNothingBeforeItsTime) {
    Paper paper;
    ProgressDisplay display(paper.file(), ProgressDisplay::Mode::lines);
    display.begin(1, 1);
    display.trial_finished(0.5, "one");
    display.refresh();
    EXPECT_THAT(paper.text(), IsEmpty());
    display.refresh(true);
    display.refresh(true);
    EXPECT_EQ(paper.text(), "1/1 trials | best 0.500 one\n");
}

TEST(ProgressDisplay, TakesItsLiveLineAway) {
    Paper paper;
    {
        ProgressDisplay display(paper.file(), ProgressDisplay::Mode::live);
        display.begin(1, 1);
        display.trial_finished(0.5, std::string(300, 'x'));
        display.refresh(true);
        EXPECT_LE(paper.text().size(), 120u);  // must not wrap on a terminal
        EXPECT_THAT(paper.text(), Not(HasSubstr("\n")));
    }
    EXPECT_THAT(paper.text(), EndsWith("\r\033[K"));
}

TEST(ProgressDisplay, IsSilentWhenQuiet) {
    Paper paper;
    {
        ProgressDisplay display(paper.file(), ProgressDisplay::mode_for(paper.file(), true));
        display.begin(1, 1);
        display.trial_finished(0.5, "one");
        display.refresh(true);
    }
    EXPECT_THAT(paper.text(), IsEmpty());
}

}  // namespace
}  // namespace thaw
