// A coordinator that orders one stage of a group after the other, as soon as the one before is reported to be done.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/trial/channel.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {

/// Eight images, and orders to decode them. JPEG, which thaw decodes without OpenCV: what that brings has locks of its
/// own that ThreadSanitizer complains of.
class GroupOrders {
  public:
    GroupOrders() {
        Dataset dataset{kGolden, {"a", "b"}, {}};
        for (int i = 0; i < 8; ++i)
            dataset.images.push_back(
                {"exif_6.jpg", i % 2, i < 6 ? Part::train : Part::validation, "content " + std::to_string(i)});
        write_dataset(folder_ / "dataset.json", dataset);
    }

    RunStage decode(int stage, std::vector<int> ranks, bool leads) const {
        DecodeStage decode;
        decode.dataset = folder_ / "dataset.json";
        decode.options.image_size = 8;
        decode.output = folder_ / (std::to_string(stage) + ".array");
        return {stage, decode, std::move(ranks), leads};
    }

    /// Runs so many stages, by these groups in turn, then stops the workers and waits for them.
    void run(Channel& coordinator, const std::vector<std::vector<int>>& groups, int stages,
             std::chrono::milliseconds patience) const {
        int done = 0, goodbyes = 0;
        const auto order_next = [&] {
            if (done == stages)
                for (int rank = 0; rank < coordinator.size(); ++rank) coordinator.send(rank, Stop{});
            const auto& ranks = groups[static_cast<std::size_t>(done) % groups.size()];
            for (const int rank : ranks)
                if (done < stages) coordinator.send(rank, decode(done, ranks, rank == ranks[0]));
        };
        order_next();
        while (goodbyes < coordinator.size()) {
            const auto envelope = coordinator.receive(patience);
            ASSERT_TRUE(envelope) << "nobody answers";
            if (const auto* failed = std::get_if<StageFailed>(&envelope->message)) FAIL() << failed->message;
            goodbyes += std::holds_alternative<Goodbye>(envelope->message);
            if (!std::holds_alternative<StageDone>(envelope->message)) continue;
            EXPECT_EQ(std::get<StageDone>(envelope->message).stage, done);
            ++done;
            order_next();
        }
        EXPECT_EQ(done, stages);
    }

    const std::filesystem::path& folder() const { return folder_.path(); }

  private:
    TemporaryFolder folder_;
};

}  // namespace thaw
