#include "cli/command_pages.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "common/util/error.hpp"

namespace thaw {
namespace {

using Command = const CLI::App*;

std::vector<Command> commands_of(Command app) {
    return app->get_subcommands([](Command) { return true; });
}

/// "--csv", "-q": all spellings.
std::vector<std::string> words_of(const CLI::Option& option) {
    std::vector<std::string> words;
    for (const std::string& name : option.get_lnames()) words.push_back("--" + name);
    for (const std::string& name : option.get_snames()) words.push_back("-" + name);
    return words;
}

std::vector<std::string> words_of(Command command) {
    std::vector<std::string> words;
    for (Command sub : commands_of(command)) words.push_back(sub->get_name());
    for (const CLI::Option* option : command->get_options()) {
        const std::vector<std::string> own = words_of(*option);
        words.insert(words.end(), own.begin(), own.end());
    }
    return words;
}

bool takes_a_run(Command command) {
    const auto options = command->get_options();
    return std::any_of(options.begin(), options.end(), [](const CLI::Option* option) {
        return option->get_positional() && option->get_type_name().find("RUN") != std::string::npos;
    });
}

/// `paths` get those of commands, quoted.
void add_cases(Command command, const std::string& path, std::string& cases, std::vector<std::string>& paths) {
    if (!path.empty()) paths.push_back('\'' + path + '\'');
    cases += fmt::format("        '{}') words='{}'; runs={} ;;\n", path, fmt::join(words_of(command), " "),
                         takes_a_run(command) ? 1 : 0);
    for (Command sub : commands_of(command)) add_cases(sub, path + ' ' + sub->get_name(), cases, paths);
}

constexpr const char* kBash = R"bash(# Completion of thaw for bash; `thaw completion bash` prints it.
_thaw() {{
    local words= runs=0 path= word at
    for ((at = 1; at < COMP_CWORD; ++at)); do
        word=${{COMP_WORDS[at]}}
        case "$path $word" in {0}) path+=" $word" ;; esac
    done
    case "$path" in
{1}    esac
    local current=${{COMP_WORDS[COMP_CWORD]}}
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if ((runs)) && [[ $current != -* ]]; then
        local run
        for run in runs/*/results.db; do
            [[ -e $run ]] && run=${{run%/results.db}} && COMPREPLY+=($(compgen -W "${{run#runs/}}" -- "$current"))
        done
    fi
    [[ ${{#COMPREPLY[@]}} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _thaw thaw
)bash";

/// What troff would take for a command or a hyphen.
std::string roff(std::string_view text) {
    std::string escaped;
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && (c == '.' || c == '\'')) escaped += "\\&";
        if (c == '\\')
            escaped += "\\e";
        else if (c == '-')
            escaped += "\\-";
        else
            escaped += c;
        line_begins = c == '\n';
    }
    return escaped;
}

void add_options(Command command, std::string& page) {
    for (const CLI::Option* option : command->get_options()) {
        const bool positional = option->get_positional();
        std::string name = positional ? option->get_type_name() : fmt::format("{}", fmt::join(words_of(*option), ", "));
        if (positional && name.empty()) name = option->get_name();
        if (!positional && option->get_items_expected_max() > 0 && !option->get_type_name().empty())
            name += ' ' + option->get_type_name();
        std::string text = option->get_description();
        if (!option->get_default_str().empty()) text += fmt::format(" Default: {}.", option->get_default_str());
        page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(name), roff(text));
    }
}

void add_command(Command command, const std::string& path, std::string& page) {
    page += fmt::format(".SS {}\n{}\n", roff(path), roff(command->get_description()));
    add_options(command, page);
    if (!command->get_footer().empty()) page += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(command->get_footer()));
    for (Command sub : commands_of(command)) add_command(sub, path + ' ' + sub->get_name(), page);
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
    if (shell != "bash" && shell != "zsh")
        throw UserError("no completion for the shell '{}'; there are bash and zsh", shell);
    std::string cases;
    std::vector<std::string> paths;
    add_cases(&app, "", cases, paths);
    const std::string bash = fmt::format(fmt::runtime(kBash), fmt::join(paths, " | "), cases);
    return shell == "bash" ? bash : "#compdef thaw\nautoload -U +X bashcompinit && bashcompinit\n" + bash;
}

std::string man_page(const CLI::App& app) {
    std::string page =
        ".TH THAW 1\n.SH NAME\nthaw \\- compares fine\\-tunings of pretrained image networks\n"
        ".SH SYNOPSIS\n\\fBthaw\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n";
    page += roff(app.get_description()) + "\n.SH COMMANDS\n";
    for (Command command : commands_of(&app)) add_command(command, "thaw " + command->get_name(), page);
    return page +
           ".SH EXIT STATUS\n0 all done, 1 some trials failed, 2 usage or input, 75 interrupted: the same command goes "
           "on.\n";
}

void add_page_commands(CLI::App& app) {
    const auto shell = std::make_shared<std::string>();
    auto* completion = app.add_subcommand("completion", "Print a script that completes thaw's words in a shell");
    completion->add_option("shell", *shell, "bash or zsh")->required()->type_name("SHELL");
    completion->footer("Example: thaw completion bash > ~/.local/share/bash-completion/completions/thaw");
    completion->callback([&app, shell] { fmt::print("{}", completion_script(app, *shell)); });
    auto* man = app.add_subcommand("man", "Print the manual page");
    man->footer("Example: thaw man > thaw.1 && man ./thaw.1");
    man->callback([&app] { fmt::print("{}", man_page(app)); });
}

}  // namespace thaw
