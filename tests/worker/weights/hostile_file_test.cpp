// Damaged and malicious weight files: refused in words, never obeyed, never a crash, never more memory than they back.
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "common/util/error.hpp"
#include "tests/worker/weights/fixtures.hpp"
#include "tests/worker/weights/largest_allocation.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> fixture_files() {
    std::vector<fs::path> paths;
    for (const char* folder : {"honest", "hostile"})
        for (const auto& entry : fs::directory_iterator(kFixtures / folder)) paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
}

/// What read_tensors says against the file, "" where it reads it.
std::string refusal(const fs::path& path) {
    try {
        read_tensors(path);
        return "";
    } catch (const UserError& error) {
        return error.what();
    }
}

/// A file in memory alone, so that thousands of versions of it cost no disk writes.
class MemoryFile {
  public:
    MemoryFile() : descriptor_(::memfd_create("weights", MFD_CLOEXEC)) {}
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    fs::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
    void put(const std::string& content) {
        const auto size = static_cast<ssize_t>(content.size());
        ASSERT_EQ(::ftruncate(descriptor_, size), 0);
        ASSERT_EQ(::pwrite(descriptor_, content.data(), content.size(), 0), size);
    }

  private:
    int descriptor_;
};

TEST(HostileFile, IsRefusedInWordsThatNameTheFault) {
    const nlohmann::json refused = read_json(kFixtures / "refused.json");
    for (const auto& [name, says] : refused.items()) {
        const std::string message = refusal(kFixtures / "hostile" / name);
        EXPECT_THAT(message, testing::AllOf(testing::HasSubstr(name), testing::HasSubstr(says)));
    }
}

TEST(HostileFile, EachFixtureHasItsExpectation) {
    const auto known = read_json(kFixtures / "refused.json").size() + read_json(kFixtures / "expected.json").size();
    EXPECT_EQ(fixture_files().size(), known);
}

TEST(HostileFile, TellsHowToMendWhatItRefuses) {
    EXPECT_THAT(refusal(kFixtures / "hostile" / "os_system.pth"),
                testing::AllOf(testing::HasSubstr("'os.system'"), testing::HasSubstr(".safetensors"),
                               testing::HasSubstr("torch.save(model.state_dict()")));
    EXPECT_THAT(refusal(kFixtures / "hostile" / "whole_model_zip.pth"),
                testing::HasSubstr("torch.save(model.state_dict()"));
}

TEST(HostileFile, CutAnywhereOrWithAnyByteChangedIsReadOrRefused) {
    constexpr std::size_t kMostTries = 100,
                          kMostBytes = 16 << 20;  // bytes: far above any fixture, far below the claims
    MemoryFile damaged;
    int read = 0, refused = 0;
    const auto attempt = [&](const std::string& content, const fs::path& path, const char* how, std::size_t at) {
        damaged.put(content);
        take_largest_allocation();
        ASSERT_NO_THROW(++(refusal(damaged.path()).empty() ? read : refused)) << path << how << at;
        ASSERT_LT(take_largest_allocation(), kMostBytes) << path << how << at;
    };
    for (const fs::path& path : fixture_files()) {
        const std::string whole = read_file(path);
        const std::size_t step = whole.size() / kMostTries + 1;
        for (std::size_t at = 0; at < whole.size(); at += step) {
            attempt(whole.substr(0, at), path, " cut at ", at);
            for (const unsigned char mask : {0x01, 0x80, 0xff}) {
                std::string changed = whole;
                changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ mask);
                attempt(changed, path, " changed at ", at);
            }
        }
    }
    EXPECT_GT(read, 1000);
    EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace thaw
