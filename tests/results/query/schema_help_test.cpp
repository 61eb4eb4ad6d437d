// `thaw help schema` beside the real database: every view and column, and none that is not there.
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <sstream>

#include "results/query/query.hpp"
#include "results/query/schema_help.hpp"
#include "results/store/store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using Columns = std::map<std::string, std::multiset<std::string>>;  // by view

bool is_name(const std::string& text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_5") == std::string::npos;
}

/// A view's name stands alone in its line; below it, indented, its description and its columns: names, two blanks or
/// the line's end, what they say.
Columns described() {
    Columns views;
    std::string view;
    std::istringstream page(schema_help());
    for (std::string line; std::getline(page, line);) {
        if (is_name(line)) view = line;
        if (line.empty()) view.clear();
        if (view.empty() || !line.starts_with("  ")) continue;
        std::istringstream names(line.substr(2, line.find("  ", 2) - 2));
        std::set<std::string> found;
        bool all_names = true;
        for (std::string name; names >> name;) {
            if (name.ends_with(',')) name.pop_back();
            all_names = all_names && is_name(name);
            found.insert(name);
        }
        if (all_names) views[view].insert(found.begin(), found.end());
    }
    return views;
}

TEST(SchemaHelp, DescribesEveryViewAndColumnOfTheDatabaseAndNoOther) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "results.db";
    { Store store(path); }
    const Database database = open_results(path);
    Columns there;
    Statement views = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'");
    while (views.step())
        for (const std::string& column : columns_of(database, views.text(0))) there[views.text(0)].insert(column);
    EXPECT_EQ(described(), there);
    EXPECT_EQ(there.size(), 8U);
}

}  // namespace
}  // namespace thaw
