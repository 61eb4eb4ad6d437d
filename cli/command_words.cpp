#include "cli/command_words.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

namespace thaw {
namespace {

// CLI11 takes `--` for the end of a command whose names have all come, and then refuses further ones. So a name that
// begins with a dash goes to it under a mark that no name of a file begins with, and loses that before it is used.
constexpr char kMark = '\x01';

void unmark_names(CLI::App& app) {
    for (CLI::Option* option : app.get_options())
        if (option->get_positional())
            option->transform([](std::string word) { return word.starts_with(kMark) ? word.substr(1) : word; });
    for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) unmark_names(*command);
}

}  // namespace

void parse_words(CLI::App& app, int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    if (const auto end = std::ranges::find(words, "--"); end != words.end()) {
        for (auto word = end + 1; word != words.end(); ++word)
            if (word->starts_with('-')) word->insert(0, 1, kMark);
        words.erase(end);
        unmark_names(app);
    }
    std::ranges::reverse(words);  // as CLI11 wants them
    app.parse(std::move(words));
}

void finish_output() {
    errno = 0;
    const bool failed_before = std::ferror(stdout) != 0;
    if (std::fflush(stdout) == 0 && !failed_before) return;
    throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(), "cannot write to standard output");
}

}  // namespace thaw
