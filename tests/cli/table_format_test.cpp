// How tables are asked for, and how they look in a paper.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "cli/table_option.hpp"
#include "common/util/text.hpp"

namespace thaw {
namespace {

TableFormat parsed(const std::string& words) {
    CLI::App app;
    TableFormat format = TableFormat::text;
    add_format_options(app, format);
    app.parse(words);
    return format;
}

TEST(FormatOptions, NameEveryFormatAndHaveShortFormsOfTwo) {
    EXPECT_EQ(parsed(""), TableFormat::text);
    EXPECT_EQ(parsed("--format text"), TableFormat::text);
    EXPECT_EQ(parsed("--format markdown"), TableFormat::markdown);
    EXPECT_EQ(parsed("--format latex"), TableFormat::latex);
    EXPECT_EQ(parsed("--format csv"), TableFormat::csv);
    EXPECT_EQ(parsed("--csv"), TableFormat::csv);
    EXPECT_EQ(parsed("--json"), TableFormat::json);
    EXPECT_THROW(parsed("--format xml"), CLI::ParseError);
    EXPECT_THROW(parsed("--csv --json"), CLI::ParseError);
    EXPECT_THROW(parsed("--format text --json"), CLI::ParseError);
}

TEST(Latex, IsATabularOfBooktabsWithNumbersToTheRight) {
    const Table table{{"back_bone", "accuracy"}, {{"a & b", 0.5}, {"50% #1", Cell()}}};
    EXPECT_EQ(to_string(table, TableFormat::latex),
              "\\begin{tabular}{lr}\n\\toprule\nback\\_bone & accuracy \\\\\n\\midrule\n"
              "a \\& b & 0.5000 \\\\\n50\\% \\#1 & -- \\\\\n\\bottomrule\n\\end{tabular}\n");
}

TEST(Latex, DisarmsWhateverTexTakesForACommand) {
    EXPECT_EQ(escape_latex("\\input{x} $y$ ~^"),
              "\\textbackslash{}input\\{x\\} \\$y\\$ \\textasciitilde{}\\textasciicircum{}");
    EXPECT_EQ(escape_latex("0.9 ± 0.1 …"), "0.9 $\\pm$ 0.1 \\dots{}");
    EXPECT_EQ(escape_latex("日本 naïve"), "日本 naïve");
}

}  // namespace
}  // namespace thaw
