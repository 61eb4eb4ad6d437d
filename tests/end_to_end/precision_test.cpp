// `precision: bf16` on the real program: refused before any work, or computed beside fp32 and marked.
#include "tests/end_to_end/fixture.hpp"
#include "worker/network/frozen_network.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PrecisionRun : public EndToEnd {
  protected:
    int count_in_cache(const std::string& start) const {
        int count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(cache()))
            count += entry.path().filename().string().starts_with(start) && entry.path().extension() == ".array";
        return count;
    }
};

TEST_F(PrecisionRun, IsRefusedBeforeAnyWorkWhereTheMachineHasNoSuchArithmetic) {
    if (supports(Precision::bfloat16)) GTEST_SKIP() << "this machine computes in bf16";
    const std::string file = sweep("backbone: mobilenet_v2\nfreeze: [all, none]\nprecision: [fp32, bf16]\n");
    for (const char* command : {"run", "plan"}) {
        const Ended ended = thaw({command, file, "--runs", (folder_ / "runs").string()});
        EXPECT_EQ(ended.exit_code, 2);
        EXPECT_THAT(ended.errors, AllOf(HasSubstr("precision bf16"), HasSubstr("no such arithmetic on this machine"),
                                        HasSubstr("AVX512-BF16 or AMX"), HasSubstr("write `precision: fp32`")));
        EXPECT_EQ(ended.output, "");
    }
    EXPECT_FALSE(std::filesystem::exists(folder_ / "runs/test/results.db"));
    EXPECT_TRUE(std::filesystem::is_empty(cache()));
}

TEST_F(PrecisionRun, DecidesNothingWhereNothingIsFrozen) {
    const Ended ended = thaw({"plan", sweep("backbone: mobilenet_v2\nfreeze: none\nprecision: [bf16, fp32]\n")});
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output, AllOf(HasSubstr("1 trials on 36 images"), Not(HasSubstr("bf16"))));
}

TEST_F(PrecisionRun, FinishesBothFromFeaturesOfTheirOwnAndMarksThem) {
    if (!supports(Precision::bfloat16)) GTEST_SKIP() << "this machine has no AVX512-BF16 or AMX";
    const std::string axes = "backbone: mobilenet_v2\nfreeze: [all, features.15]\nepochs: 2\n";
    ASSERT_EQ(run(sweep(axes + "precision: [fp32, bf16]\n")).exit_code, 0);
    EXPECT_EQ(query("SELECT precision, freeze, state FROM trials ORDER BY 1, 2"),
              "bf16,all,finished\nbf16,features.15,finished\nfp32,all,finished\nfp32,features.15,finished\n");
    EXPECT_EQ(count_in_cache("images-"), 1);
    EXPECT_EQ(count_in_cache("features-"), 4);
    EXPECT_EQ(query("SELECT count(DISTINCT weights) FROM epochs WHERE epoch = 2"), "4\n");
    EXPECT_EQ(query("SELECT count(*) FROM stages WHERE kind = 'features' AND description LIKE '%(bf16)%'"), "1\n");
    EXPECT_THAT(text_of(folder_ / "runs/test/report.html"), HasSubstr("<span class=\"tag\">bf16</span>"));
    EXPECT_THAT(text_of(folder_ / "runs/test/report.md"), HasSubstr("(bf16)"));

    ASSERT_EQ(run(sweep(axes), "fp32").exit_code, 0);
    const std::string fp32 =
        "SELECT id, epoch, quote(validation_loss), epochs.weights FROM trials JOIN epochs ON trial = id"
        " WHERE precision = 'fp32' ORDER BY 1, 2";
    EXPECT_EQ(query(fp32), query(fp32, "fp32")) << "what runs beside it changes no result";
    ASSERT_EQ(run(sweep(axes + "precision: [fp32, bf16]\n"), "separate", {"--no-sharing"}).exit_code, 0);
    EXPECT_EQ(results("separate"), results());
}

}  // namespace
}  // namespace thaw
