// Text for people: names from data made safe for where they are written, and numbers as one reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thaw {

/// Valid UTF-8 without control characters (which could steer a terminal): each is replaced, newlines by a blank.
std::string clean_text(std::string_view text);
/// How many columns a terminal uses for (clean) UTF-8 text.
std::size_t display_width(std::string_view text);
/// Clean text of at most `columns` columns; what is cut away ends in "…".
std::string cut_text(std::string_view text, std::size_t columns);

std::string escape_line(
    std::string_view text);  // for a line of its own: "\\n", "\\r" and "\\\\" for what they stand for
std::string escape_html(std::string_view text);      // for elements and quoted attributes; keeps newlines
std::string escape_markdown(std::string_view text);  // for a cell of a table
std::string escape_latex(std::string_view text);     // for a cell of a tabular

/// Numbers for people; a dash for NaN.
std::string percent(double fraction);  // "95.31 %"
std::string decimals(double value, int digits);
std::string human_number(double value);      // at most 6 digits, as short as it can be
std::string human_seconds(double seconds);   // "0.25 s", "12 s", "3 min 20 s", "2 h 05 min"
std::string human_bytes(double bytes);       // "512 B", "1.5 MiB"
std::string thousands(std::int64_t number);  // "25,636,712"
/// "1 trial", "2 trials".
std::string counted(std::int64_t count, std::string_view noun);

}  // namespace thaw
