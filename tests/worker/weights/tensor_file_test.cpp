// Weight files read as PyTorch and the safetensors package read them.
#include "worker/weights/tensor_file.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/weights/fixtures.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

/// JSON has no infinities: they are written as text.
float expected_value(const json& value) {
    return value.is_string() ? std::stof(value.get<std::string>()) : value.get<float>();
}

/// Bit for bit, but that a NaN equals any NaN.
bool same(float a, float b) {
    return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
}

void expect_tensors(const TensorMap& tensors, const json& expected) {
    EXPECT_EQ(tensors.size(), expected.size());
    for (const auto& [name, tensor] : expected.items()) {
        SCOPED_TRACE(name);
        ASSERT_TRUE(tensors.contains(name));
        const HostTensor& read = tensors.at(name);
        EXPECT_EQ(json(read.shape), tensor["shape"]);
        const json& values = tensor["values"];
        ASSERT_EQ(read.values.size(), values.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            EXPECT_TRUE(same(read.values[i], expected_value(values[i]))) << i << ": " << read.values[i] << values[i];
    }
}

class HonestFile : public testing::TestWithParam<std::string> {};

TEST_P(HonestFile, ReadsAsPyTorchReadsIt) {
    const json expected = read_json(kFixtures / "expected.json");
    expect_tensors(read_tensors(kFixtures / "honest" / GetParam()), expected.at(GetParam()));
}

std::vector<std::string> honest_files() {
    std::vector<std::string> names;
    const json expected = read_json(kFixtures / "expected.json");
    for (const auto& [name, tensors] : expected.items()) names.push_back(name);
    return names;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, HonestFile, testing::ValuesIn(honest_files()), [](const auto& fixture) {
    std::string name = fixture.param;
    std::ranges::replace(name, '.', '_');
    return name;
});

TEST(TensorFile, IsKnownByItsContentNotItsName) {
    TemporaryFolder folder;
    const std::string from = "types.safetensors", to = "renamed.pth";
    std::filesystem::copy(kFixtures / "honest" / from, folder / to);
    EXPECT_TRUE(read_tensors(folder / to).contains("fp16"));
}

TEST(TensorFile, SaysWhyItCannotBeOpened) {
    TemporaryFolder folder;
    for (const auto& [path, why] : {std::pair(folder / "absent.pth", "No such file"), {folder.path(), "not a regular"}})
        try {
            read_tensors(path);
            FAIL() << path << " was read";
        } catch (const UserError& error) {
            EXPECT_THAT(error.what(), HasSubstr(why));
            EXPECT_THAT(error.what(), HasSubstr(path.string()));
        }
}

TEST(Safetensors, ReadBackAsTheyWereWritten) {
    TemporaryFolder folder;
    const TensorMap tensors = {{"a.weight", {{2, 3}, {1, -0.0f, 3e-42f, 4, INFINITY, 6}}},
                               {"b", {{}, {7}}},
                               {"c", {{0, 4}, {}}},
                               {"quote\" and \xC3\xA9", {{1}, {8}}}};
    write_safetensors(folder / "f", tensors, {{"backbone", "tiny"}});
    const TensorMap read = read_tensors(folder / "f");
    ASSERT_EQ(read.size(), tensors.size());
    for (const auto& [name, tensor] : tensors) {
        EXPECT_EQ(read.at(name).shape, tensor.shape);
        EXPECT_EQ(read.at(name).values, tensor.values);
    }
}

TEST(Safetensors, CarryMetadataAndBeginTheirDataAtAMultipleOfEight) {
    TemporaryFolder folder;
    for (const std::string text : {"", "1", "12", "123", "1234", "12345", "123456", "1234567"}) {
        write_safetensors(folder / "f", {{"w", {{1}, {1}}}}, {{"note", text}});
        const std::string bytes = read_file(folder / "f");
        std::uint64_t header = 0;
        std::memcpy(&header, bytes.data(), sizeof header);
        EXPECT_EQ(header % 8, 0u);
        EXPECT_EQ(json::parse(bytes.substr(8, header))["__metadata__"]["note"], text);
    }
}

TEST(RealWeights, HaveTheTensorsOfTheirNetworks) {
    const std::filesystem::path folder = THAW_SOURCE_DIR "/../shared/weights";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no real weights at " << folder;
    const TensorMap v2 = read_tensors(folder / "mobilenet_v2_imagenet.pth");
    EXPECT_EQ(v2.size(), 314u);
    EXPECT_THAT(v2.at("features.0.0.weight").shape, ElementsAre(32, 3, 3, 3));
    EXPECT_THAT(v2.at("features.18.0.weight").shape, ElementsAre(1280, 320, 1, 1));
    EXPECT_EQ(read_tensors(folder / "mobilenet_v1_imagenet.pth").size(), 164u);
    EXPECT_EQ(read_tensors(folder / "squeezenet1_1_imagenet_notop.pth").size(), 50u);
    EXPECT_EQ(read_tensors(folder / "vgg16_imagenet_notop_fp16.safetensors").size(), 26u);
}

}  // namespace
}  // namespace thaw
