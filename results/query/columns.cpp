#include "results/query/columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "common/util/error.hpp"
#include "common/util/nearest.hpp"

namespace thaw {
namespace {

/// Spellings of one thing: of trials, of means over seeds, in headings.
const std::vector<std::vector<std::string>> kSame = {
    {"learning_rate", "lr"},
    {"accuracy", "validation_accuracy", "mean_validation_accuracy"},
    {"best_accuracy", "best_validation_accuracy", "mean_best_validation_accuracy"},
    {"train_accuracy", "mean_train_accuracy"},
    {"loss", "validation_loss", "mean_validation_loss"},
    {"in_epoch", "best_epoch"},
    {"auc", "validation_auc"},
    {"top_5_accuracy", "validation_top5_accuracy"},
    {"seconds", "mean_seconds"},
    {"trial", "best_trial"},
};

/// In small letters, without blanks around it, words joined by underscores.
std::string plain(const std::string& word) {
    const auto first = word.find_first_not_of(' ');
    if (first == std::string::npos) return "";
    std::string text = word.substr(first, word.find_last_not_of(' ') - first + 1);
    for (char& c : text)
        c = c == ' ' || c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

bool is_same(const std::string& a, const std::string& b) {
    return std::any_of(kSame.begin(), kSame.end(), [&](const std::vector<std::string>& group) {
        return std::count(group.begin(), group.end(), a) > 0 && std::count(group.begin(), group.end(), b) > 0;
    });
}

}  // namespace

std::string column_named(const std::vector<std::string>& columns, const std::string& word) {
    const std::string wanted = plain(word);
    for (const std::string& column : columns)
        if (column == word || plain(column) == wanted) return column;
    for (const std::string& column : columns)
        if (is_same(plain(column), wanted)) return column;
    return word;
}

Table with_columns(Table table, const std::vector<std::string>& words) {
    if (words.empty()) return table;
    Table chosen;
    std::vector<std::size_t> places;
    for (const std::string& word : words) {
        chosen.columns.push_back(column_named(table.columns, word));
        const auto found = std::find(table.columns.begin(), table.columns.end(), chosen.columns.back());
        if (found == table.columns.end())
            throw UserError("no column '{}' to show{}; there are: {}", word, did_you_mean(word, table.columns),
                            fmt::join(table.columns, ", "));
        places.push_back(static_cast<std::size_t>(found - table.columns.begin()));
    }
    for (const auto& row : table.rows) {
        std::vector<Cell>& cells = chosen.rows.emplace_back();
        for (const std::size_t place : places) cells.push_back(row[place]);
    }
    return chosen;
}

}  // namespace thaw
