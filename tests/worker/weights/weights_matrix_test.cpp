// Weights as training scripts save them, written by PyTorch, safetensors and h5py: the network is found in all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "common/util/error.hpp"
#include "tests/support/python.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/weights/fixtures.hpp"
#include "tests/worker/weights/tiny_graph.hpp"
#include "worker/weights/fit_weights.hpp"

namespace thaw {
namespace {

/// What is wrong with what thaw finds in the file; empty: nothing.
std::string fault_of(const std::filesystem::path& path, const nlohmann::json& expected) {
    try {
        const TensorMap tensors = fit_weights(tiny_graph(), read_weights_file(path), path);
        if (tensors.size() != expected.size()) return fmt::format("{} tensors", tensors.size());
        for (const auto& [name, values] : expected.items())
            if (tensors.at(name).values != values.get<std::vector<float>>()) return "other numbers in " + name;
        return "";
    } catch (const UserError& error) {
        return error.what();
    }
}

TEST(WeightsMatrix, FindsTheNetworkUnderEveryWrapperPrefixAndFormat) {
    TemporaryFolder folder;
    const std::string script = THAW_SOURCE_DIR "/tests/worker/weights/weights_matrix.py";
    const std::string list = folder / "list";
    const std::string command =
        python_for_checks() + " -W ignore " + script + " " + folder.path().string() + " >" + list;
    const int end = std::system(command.c_str());
    const int code = WIFEXITED(end) ? WEXITSTATUS(end) : -1;
    if (lacks_tools(code)) GTEST_SKIP() << "no Python with torch, safetensors and h5py (THAW_PYTHON)";
    ASSERT_EQ(code, 0);
    const nlohmann::json expected = read_json(folder / "expected.json");
    std::istringstream lines(read_file(list));
    std::string name;
    int matches_torch = 0, files = 0, failures = 0;
    for (; lines >> name >> matches_torch; ++files) {
        EXPECT_EQ(matches_torch, 1) << name << ": the reference reads something else";
        const std::string fault = fault_of(folder / name, expected);
        EXPECT_EQ(fault, "") << name;
        failures += !fault.empty();
    }
    std::printf("%d files, %d failures\n", files, failures);
    EXPECT_GT(files, 2000);
}

}  // namespace
}  // namespace thaw
