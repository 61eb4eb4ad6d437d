// Rows that are made when they are used: each load sees this epoch's, and what is evaluated is made once where there is
// room.
#include "worker/row_window.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <numeric>

namespace thaw {
namespace {

/// Rows of 8 MB: a window holds eight, and as many again for what is evaluated.
constexpr std::int64_t kElements = 1 << 21;

class RowWindowTest : public testing::Test {
  protected:
    RowWindow<float> window(int images, std::size_t each, int threads) {
        RowWindow<float>::Settings settings;
        settings.images = images;
        settings.elements = kElements;
        settings.each = each;
        settings.threads = threads;
        settings.keeps_evaluation = true;
        settings.compute = [this](std::span<const int> rows, int epoch, float* out) {
            made_ += static_cast<int>(rows.size());
            for (const int image : rows) {
                out[0] = static_cast<float>(image);
                out[kElements - 1] = static_cast<float>(epoch);
                out += kElements;
            }
        };
        return RowWindow<float>(std::move(settings));
    }
    static void expect_rows(const RowWindow<float>& window, const std::vector<int>& images, int epoch) {
        for (const int image : images) {
            EXPECT_EQ(window.rows()[image][0], static_cast<float>(image));
            EXPECT_EQ(window.rows()[image][kElements - 1], static_cast<float>(epoch));
        }
    }
    std::atomic<int> made_ = 0;
};

TEST_F(RowWindowTest, ShowsEachEpochsRows) {
    for (const std::size_t each : {1u, 3u, 8u}) {
        RowWindow<float> shown = window(30, each, 2);
        ASSERT_EQ(shown.window_rows(), 8);
        for (const auto& [images, epoch] : std::vector<std::pair<std::vector<int>, int>>{
                 {{3, 29, 1, 7, 8, 9, 10, 11}, 1}, {{1, 2}, 1}, {{7, 1, 0}, 2}, {{4}, 3}}) {
            shown.load(images, epoch, nullptr);
            expect_rows(shown, images, epoch);
        }
    }
}

TEST_F(RowWindowTest, MakesWhatIsEvaluatedOnceAsFarAsThereIsRoom) {
    RowWindow<float> shown = window(30, 4, 2);
    const std::vector<int> first = {20, 21, 22, 23, 24}, second = {25, 26, 27, 28, 29},
                           trained = {1, 2, 3, 4, 5, 6, 7, 8};
    for (int epoch = 1; epoch <= 3; ++epoch) {
        made_ = 0;
        shown.load(trained, epoch, nullptr);
        expect_rows(shown, trained, epoch);
        shown.load(first, 0, nullptr);
        expect_rows(shown, first, 0);
        shown.load(second, 0, nullptr);
        expect_rows(shown, second, 0);
        EXPECT_EQ(made_, epoch == 1 ? 18 : 10) << "eight of the ten fit";
    }
    shown.load(first, 4, nullptr);
    expect_rows(shown, first, 4);
    shown.load(first, 0, nullptr);
    expect_rows(shown, first, 0);
}

}  // namespace
}  // namespace thaw
