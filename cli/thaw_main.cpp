// main of `thaw`: what only reads results is answered here, in milliseconds. All else is the work of thaw-engine, the
// program beside it, whose libraries (LibTorch, OpenCV, MPI) take half a second to load.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/command_words.hpp"
#include "cli/help.hpp"
#include "cli/results_commands.hpp"
#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"

namespace thaw {
namespace {

/// Goes on as the engine, in the same process and under the same name; comes back only where there is none.
[[noreturn]] void become_engine(char** words) {
    const std::string engine = std::filesystem::read_symlink("/proc/self/exe").string() + "-engine";
    ::execv(engine.c_str(), words);
    throw UserError("cannot start {}: {}; it belongs beside thaw", engine, std::strerror(errno));
}

int main_of(int argc, char** argv) {
    CLI::App app{"thaw"};
    app.require_subcommand(1);
    add_results_commands(app);
    add_help_command(app);
    try {
        const auto is_asked_for = [&](const CLI::App* command) { return argc > 1 && command->check_name(argv[1]); };
        const bool of_a_command = argc > 2 && std::string_view(argv[1]) == "help" && !is_help_topic(argv[2]);
        if (of_a_command || app.get_subcommands(is_asked_for).empty()) become_engine(argv);
        parse_words(app, argc, argv);
        finish_output();
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongInput;
    } catch (const std::exception& error) {
        fmt::print(stderr, "thaw: {}\n", error.what());
        return usual_exit_code(error);
    }
    return kDone;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    return thaw::main_of(argc, argv);
}
