// A command line's words, and the end of what they print: what both programs do alike.
#pragma once

namespace CLI {
class App;
}

namespace thaw {

/// Parses, and so runs the command. After `--` every word is a name, whatever it begins with.
void parse_words(CLI::App& app, int argc, char** argv);

/// Throws std::system_error where what was printed could not all be written: to a full disk, for one.
void finish_output();

}  // namespace thaw
