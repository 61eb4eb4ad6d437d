// Commands around a sweep: `thaw init`, `schema`, `completion` and `man`.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/fixture.hpp"
#include "tests/support/python.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Commands : public EndToEnd {
  protected:
    std::string written(const std::string& name) const {
        std::ifstream file(folder_ / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    /// Of a program; its output, or nothing where it is not there.
    Ended shell(const std::string& script) {
        return call({"bash", "-c", "cd '" + folder_.path().string() + "' && " + script});
    }
    bool has(const std::string& program) { return shell("command -v " + program).exit_code == 0; }
};

TEST_F(Commands, InitLooksAtAFolderAndWritesASweepThatCanBePlanned) {
    std::ofstream(folder_ / "shapes/circle/damaged.png") << "not a picture";
    const std::string shapes = (folder_ / "shapes").string(), out = (folder_ / "shapes.yaml").string();
    const Ended ended = thaw({"init", shapes, "-o", out, "--runs", (folder_ / "runs").string()});
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr("3 classes, 37 images"), HasSubstr("circle        13"), HasSubstr("40 to 40 wide"),
                      HasSubstr("1 image cannot be read"), HasSubstr("damaged.png"), HasSubstr("shapes.yaml written")));
    const std::string file = written("shapes.yaml");
    EXPECT_THAT(file, AllOf(HasSubstr("on_bad_image: skip"), HasSubstr("batch_size: 8"), HasSubstr("seed: [1, 2, 3]")));
    const Ended again = thaw({"init", shapes, "-o", out});
    EXPECT_EQ(again.exit_code, 2);
    EXPECT_THAT(again.errors, HasSubstr("shapes.yaml is there already"));
    std::ofstream(folder_ / "shapes.yaml", std::ios::app) << "weights: random\nimage_size: 40\n";
    const Ended planned = thaw({"plan", out, "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(planned.exit_code, 0) << planned.errors;
}

TEST_F(Commands, AMistypedCommandIsToldWhatItMayHaveMeant) {
    const Ended ended = thaw({"rnu", "sweep.yaml"});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("there is no command 'rnu' (did you mean 'run'?)"));
}

TEST_F(Commands, ListShowsTheRunsThereAre) {
    const std::string runs = (folder_ / "runs").string();
    EXPECT_THAT(thaw({"list", "--runs", runs}).output, HasSubstr("There are no runs in"));
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nfreeze: all\nlearning_rate: 1e-2\nepochs: 1\n")).exit_code, 0);
    const Ended listed = thaw({"list", "--runs", runs, "--csv"});
    EXPECT_EQ(listed.exit_code, 0) << listed.errors;
    EXPECT_THAT(listed.output, AllOf(HasSubstr("run,state,trials,finished"), HasSubstr("\ntest,done,1,1,0,")));
}

TEST_F(Commands, InitSaysWhatAFolderLacks) {
    const Ended ended = thaw({"init", "nowhere"});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("nowhere"));
}

TEST_F(Commands, InitWritesFilesThatThawReadsWhateverTheFolderIsCalled) {
    for (const std::string& name :
         std::vector<std::string>{"-rf", "a\nb", "it's \"x\"", "${HOME}", "null", "# 1: {a}"}) {
        const std::filesystem::path folder = folder_ / name, file = folder_ / "init.yaml";
        std::filesystem::copy(folder_ / "shapes", folder, std::filesystem::copy_options::recursive);
        const Ended written =
            call({"bash", "-c", "cd \"$1\" && exec \"$0\" init -o \"$2\" --force --runs \"$3\" -- \"$4\"", THAW_PROGRAM,
                  folder_.path().string(), file.string(), (folder_ / "runs").string(), name});
        ASSERT_EQ(written.exit_code, 0) << name << written.errors;
        std::ofstream(file, std::ios::app) << "weights: random\nimage_size: 40\n";
        const Ended planned = thaw({"plan", file.string(), "--runs", (folder_ / "runs").string()});
        EXPECT_EQ(planned.exit_code, 0) << name << planned.errors;
    }
}

TEST_F(Commands, WhatCannotBePrintedIsAnError) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nepochs: 1\n")).exit_code, 0);
    const std::string runs = (folder_ / "runs").string(), photo = (folder_ / "shapes/circle/00.png").string();
    for (const Words& words : std::vector<Words>{{"query", "test", "--runs", runs, "--csv"},
                                                 {"status", "test", "--runs", runs},
                                                 {"export", "test", "--runs", runs, "--csv", "-"},
                                                 {"predict", "test", "--runs", runs, photo, "--csv"},
                                                 {"schema"}}) {
        Words full = {"bash", "-c", "exec \"$0\" \"$@\" > /dev/full"};
        for (const std::string& word : command(words)) full.push_back(word);
        const Ended ended = call(full);
        EXPECT_NE(ended.exit_code, 0) << words[0];
        EXPECT_THAT(ended.errors, HasSubstr("No space left on device")) << words[0];
    }
}

TEST_F(Commands, NamesMayBeginWithADashAfterTwoDashes) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nepochs: 1\n")).exit_code, 0);
    std::filesystem::copy_file(folder_ / "shapes/circle/00.png", folder_ / "-rf.png");
    std::filesystem::rename(folder_ / "runs/test", folder_ / "runs/-x");
    EXPECT_EQ(shell("'" THAW_PROGRAM "' predict --runs runs -- -x -rf.png shapes/circle/01.png").exit_code, 0);
    EXPECT_EQ(shell("'" THAW_PROGRAM "' query --runs runs -- -x").exit_code, 0);
    const Ended refused = shell("'" THAW_PROGRAM "' query --runs runs -x");
    EXPECT_EQ(refused.exit_code, 2);
}

TEST_F(Commands, ExportModelKnowsItsEndings) {
    for (const char* name : {"x.onnx", "x.pth", "x.keras", "x"}) {
        const Ended ended = thaw({"export-model", "test", "-o", (folder_ / name).string()});
        EXPECT_EQ(ended.exit_code, 2);
        EXPECT_THAT(ended.errors, HasSubstr("the ending says the format: .safetensors"));
    }
}

TEST_F(Commands, RunInPlacesThatAreHardToReadAndInSlurmsShells) {
    std::filesystem::create_symlink("loop", folder_ / "loop");
    const std::string file = sweep("backbone: mobilenet_v2\nepochs: 1\n");
    Words places = {"env",
                    "HOME=" + (folder_ / "loop").string(),
                    "SLURM_JOB_ID=7",
                    "SLURM_NTASKS=1",
                    "SLURM_PROCID=0",
                    "PMI_RANK=0",
                    "PMI_SIZE=1"};
    for (const std::string& word : run_command(file, "runs")) places.push_back(word);
    const Ended ended = call(places);
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    for (const char* subcommand : {"weights", "init"}) {
        Words words = {"env", "HOME=" + (folder_ / "loop").string()};
        Words more = {subcommand};
        if (subcommand == std::string("init"))
            more.insert(more.end(), {(folder_ / "shapes").string(), "-o", (folder_ / "init.yaml").string()});
        for (const std::string& word : command(more)) words.push_back(word);
        const Ended one = call(words);
        EXPECT_EQ(one.exit_code, 0) << one.errors;
    }
}

TEST_F(Commands, TheSchemaKnowsTheKeysThatTheParserKnows) {
    const Ended printed = thaw({"schema"});
    ASSERT_EQ(printed.exit_code, 0) << printed.errors;
    const nlohmann::json schema = nlohmann::json::parse(printed.output);
    std::ofstream file(folder_ / "wrong.yaml");
    file << "zzzzzzzz: 1\n";
    for (const auto& [key, value] : schema.at("properties").items()) file << key << ": {}\n";
    file.close();
    const std::string complaint = thaw({"plan", (folder_ / "wrong.yaml").string()}).errors;
    EXPECT_EQ(complaint.find("unknown key"), complaint.rfind("unknown key")) << complaint;
    EXPECT_THAT(complaint, HasSubstr("'zzzzzzzz'"));
    EXPECT_THAT(complaint, HasSubstr("lists all " + std::to_string(schema.at("properties").size())));
}

TEST_F(Commands, TheSchemaAcceptsOurSweepsAndRefusesBrokenOnes) {
    std::ofstream(folder_ / "schema.json") << thaw({"schema"}).output;
    const Ended ended = call(
        {python_for_checks(), THAW_SOURCE_DIR "/tests/parity/sweep_schema.py", (folder_ / "schema.json").string()});
    if (lacks_tools(ended.exit_code)) GTEST_SKIP() << "no THAW_PYTHON: " << ended.output;
    EXPECT_EQ(ended.exit_code, 0) << ended.output << ended.errors;
}

TEST_F(Commands, BashCompletesCommandsOptionsAndRuns) {
    std::ofstream(folder_ / "thaw.bash") << thaw({"completion", "bash"}).output;
    std::filesystem::create_directories(folder_ / "runs/flowers");
    std::ofstream(folder_ / "runs/flowers/results.db") << "";
    const auto completed = [&](const std::string& words) {
        return shell("source thaw.bash; COMP_WORDS=(" + words +
                     "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _thaw; echo \"${COMPREPLY[@]}\"")
            .output;
    };
    EXPECT_EQ(completed("thaw pre"), "predict\n");
    EXPECT_EQ(completed("thaw run --qu"), "--quiet\n");
    EXPECT_EQ(completed("thaw weights pu"), "pull\n");
    EXPECT_EQ(completed("thaw weights pull --mi"), "--mirror\n");
    EXPECT_EQ(completed("thaw query flo"), "flowers\n");
    EXPECT_EQ(completed("thaw run sha"), "shapes\n");
    const Ended unknown = thaw({"completion", "fish"});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.errors, HasSubstr("there are bash and zsh"));
}

TEST_F(Commands, TheManualPageIsOneThatGroffReadsWithoutAWarning) {
    if (!has("groff")) GTEST_SKIP() << "no groff here";
    std::ofstream(folder_ / "thaw.1") << thaw({"man"}).output;
    const Ended ended = shell("groff -man -Tascii -P-c -P-b -P-u -rLL=200n -ww thaw.1");
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_EQ(ended.errors, "");
    EXPECT_THAT(ended.output, AllOf(HasSubstr("thaw predict"), HasSubstr("--quiet, -q"), HasSubstr("EXIT STATUS")));
}

}  // namespace
}  // namespace thaw
