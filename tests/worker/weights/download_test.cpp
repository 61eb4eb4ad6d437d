// Downloads from a server that breaks off, lies about lengths and serves wrong files: in the end the right file or
// none.
#include "worker/weights/download.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <sstream>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// tests/support/weights_server.py, for as long as this lives.
class Server {
  public:
    Server(const fs::path& folder, const fs::path& log) {
        int ends[2];
        if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
        const std::string script = THAW_SOURCE_DIR "/tests/support/weights_server.py";
        const std::string words[] = {"python3", script, folder.string(), log.string()};
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        ::posix_spawn_file_actions_addclose(&actions, ends[0]);
        char* arguments[] = {const_cast<char*>(words[0].c_str()), const_cast<char*>(words[1].c_str()),
                             const_cast<char*>(words[2].c_str()), const_cast<char*>(words[3].c_str()), nullptr};
        if (::posix_spawnp(&process_, "python3", &actions, nullptr, arguments, environ) != 0) process_ = -1;
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        std::FILE* output = ::fdopen(ends[0], "r");
        if (std::fscanf(output, "%d", &port_) != 1) port_ = 0;
        std::fclose(output);
    }
    ~Server() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    std::string address(const std::string& path) const { return fmt::format("http://127.0.0.1:{}/{}", port_, path); }

  private:
    pid_t process_ = -1;
    int port_ = 0;
};

class DownloadTest : public testing::Test {
  protected:
    DownloadTest() {
        fs::create_directories(folder_ / "served");
        fs::create_directories(folder_ / "weights");
        for (int i = 0; i < 10000; ++i) content_ += static_cast<char>(i * i % 251);
        write_file(folder_ / "served/w.pth", content_);
        sha256_ = sha256_file(folder_ / "served/w.pth");
        server_.emplace(folder_ / "served", folder_ / "log");
    }

    Download wanted(const std::string& fault) const {
        Download wanted{server_->address(fault + "/w.pth"), folder_ / "weights/w.pth", [this](const fs::path& path) {
                            if (sha256_file(path) != sha256_) throw UserError("another sha256");
                        }};
        wanted.patience = std::chrono::seconds(1);
        wanted.pause = std::chrono::milliseconds(1);
        return wanted;
    }
    std::string complaint(const std::string& fault) const {
        try {
            download(wanted(fault));
            return "";
        } catch (const UserError& error) {
            return error.what();
        }
    }
    /// What was asked for, request by request.
    std::vector<std::string> requests() const {
        std::vector<std::string> asked;
        std::string text = fs::exists(folder_ / "log") ? read_file(folder_ / "log") : "", line;
        for (std::istringstream lines(text); std::getline(lines, line);)
            asked.push_back(line.substr(line.find(' ') + 1));
        return asked;
    }
    bool is_there() const { return fs::exists(folder_ / "weights/w.pth"); }
    void expect_right() const { EXPECT_EQ(read_file(folder_ / "weights/w.pth"), content_); }

    TemporaryFolder folder_;
    std::string content_, sha256_;
    std::optional<Server> server_;
};

TEST_F(DownloadTest, BringsAFileOnceAndLeavesNothingBesideIt) {
    EXPECT_EQ(complaint("sound"), "");
    EXPECT_EQ(complaint("sound"), "");
    EXPECT_THAT(requests(), ElementsAre("whole"));
    expect_right();
    EXPECT_FALSE(fs::exists(folder_ / "weights/.w.pth.part"));
    EXPECT_FALSE(fs::exists(folder_ / "weights/.w.pth.part.of"));
}

TEST_F(DownloadTest, GoesOnWhereItBrokeOff) {
    EXPECT_EQ(complaint("breaks"), "");
    EXPECT_THAT(requests(), ElementsAre("whole", "bytes=4000-", "bytes=8000-"));
    expect_right();
}

TEST_F(DownloadTest, GoesOnInTheNextProcessToo) {
    Download once = wanted("breaks");
    once.attempts = 1;
    EXPECT_THROW(download(once), UserError);
    EXPECT_FALSE(is_there());
    once.address = server_->address("sound/w.pth");
    download(once);
    EXPECT_THAT(requests(), ElementsAre("whole", "bytes=4000-"));
    expect_right();
}

TEST_F(DownloadTest, BeginsAnewWhereTheServerKnowsNoRanges) {
    EXPECT_EQ(complaint("no_ranges"), "");
    EXPECT_THAT(requests(), ElementsAre("whole", "bytes=4000-"));
    expect_right();
}

TEST_F(DownloadTest, NeverJoinsPartsOfTwoFiles) {
    const std::string first = complaint("changes");
    EXPECT_THAT(first, HasSubstr("broke off"));
    EXPECT_THAT(first, HasSubstr("4000 of 10000 bytes"));
    EXPECT_FALSE(is_there());
    EXPECT_EQ(complaint("sound"), "");
    expect_right();
}

TEST_F(DownloadTest, IsNotDeceivedAboutLengths) {
    EXPECT_THAT(complaint("claims_less"), HasSubstr("5000 bytes, is not what it should be"));
    EXPECT_FALSE(is_there());
    EXPECT_FALSE(fs::exists(folder_ / "weights/.w.pth.part"));
    EXPECT_THAT(complaint("claims_more"), HasSubstr("broke off"));
    EXPECT_FALSE(is_there());
    EXPECT_THAT(complaint("lies"), HasSubstr("broke off"));
    EXPECT_FALSE(is_there());
    EXPECT_EQ(complaint("sound"), "");
    expect_right();
}

TEST_F(DownloadTest, ThrowsAwayAWrongFileAndSaysSo) {
    EXPECT_THAT(complaint("wrong"), AllOf(HasSubstr("was thrown away: another sha256"), HasSubstr("/wrong/w.pth"),
                                          HasSubstr((folder_ / "weights").string())));
    EXPECT_FALSE(is_there());
    EXPECT_FALSE(fs::exists(folder_ / "weights/.w.pth.part"));
}

TEST_F(DownloadTest, ReplacesAFileThatIsNotWhatItsNameSays) {
    write_file(folder_ / "weights/w.pth", "damaged");
    EXPECT_EQ(complaint("sound"), "");
    expect_right();
}

TEST_F(DownloadTest, AsksOnceForWhatIsNotThereAndAgainOfABusyServer) {
    EXPECT_THAT(complaint("absent"), AllOf(HasSubstr("the server says 404"), HasSubstr("/absent/w.pth")));
    EXPECT_THAT(requests(), SizeIs(1));
    EXPECT_EQ(complaint("busy"), "");
    EXPECT_THAT(requests(), SizeIs(3));
    expect_right();
}

TEST_F(DownloadTest, FollowsARedirection) {
    EXPECT_EQ(complaint("moved"), "");
    expect_right();
}

TEST_F(DownloadTest, DoesNotWaitForEver) {
    Download hanging = wanted("hangs");
    hanging.attempts = 2;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(download(hanging), UserError);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(DownloadTest, SaysOfflineWithAddressAndFolder) {
    const std::string address = server_->address("sound/w.pth");
    server_.reset();
    Download offline{address, folder_ / "weights/w.pth", [](const fs::path&) {}};
    offline.attempts = 1;
    try {
        download(offline);
        FAIL() << "something answered";
    } catch (const UserError& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("cannot be reached"), HasSubstr("Offline?"), HasSubstr(address),
                                        HasSubstr((folder_ / "weights").string())));
    }
}

TEST_F(DownloadTest, OpensNoOtherProtocol) {
    Download local = wanted("sound");
    local.address = "file://" + (folder_ / "served/w.pth").string();
    EXPECT_THROW(download(local), UserError);
    EXPECT_FALSE(is_there());
}

}  // namespace
}  // namespace thaw
