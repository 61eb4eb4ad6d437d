#include "results/export/export_rows.hpp"

#include <fmt/format.h>

#include <functional>
#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/store/axes.hpp"

namespace thaw {
namespace {

/// Columns stay where they are; new ones come behind.
std::string trial_rows() {
    return with_axes(
        "SELECT trials.id AS trial, state, {axes}, configuration, last_epoch,"
        " final_validation_accuracy AS validation_accuracy, best_validation_accuracy, best_epoch,"
        " final_train_accuracy AS train_accuracy, final_validation_loss AS validation_loss,"
        " final_train_loss AS train_loss, seconds, started, finished, message, result_epoch,"
        " final_validation_auc AS validation_auc, final_validation_top5_accuracy AS validation_top5_accuracy,"
        " {later_axes}"
        " FROM comparable_trials AS trials"
        " LEFT JOIN (SELECT trial, message FROM failed_trials) AS failed ON failed.trial = trials.id"
        " ORDER BY started IS NULL, started, id");
}
constexpr const char* kEpochs =
    "SELECT trial, epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, epochs.seconds,"
    " epochs.learning_rate, validation_auc, validation_top5_accuracy"
    " FROM epochs JOIN comparable_trials AS trials ON trials.id = trial ORDER BY trial, epoch";

/// Rows in pieces of a size that memory does not notice.
void write_rows(Statement& rows, TableFormat format, const std::function<void(const std::string&)>& write) {
    constexpr std::size_t kPiece = 1000;
    Table piece;
    for (int column = 0; column < rows.columns(); ++column) piece.columns.push_back(rows.name(column));
    const bool json = format == TableFormat::json;
    write(json ? "[" : to_csv(piece));
    bool first = true;
    const auto flush = [&] {
        if (piece.rows.empty()) return;
        const std::string text = to_string(piece, format);
        if (json)  // without the piece's own brackets
            write((first ? "" : ",") + text.substr(1, text.size() - 4));
        else
            write(text.substr(text.find('\n') + 1));
        first = false;
        piece.rows.clear();
    };
    while (rows.step()) {
        std::vector<Cell>& row = piece.rows.emplace_back();
        for (int column = 0; column < rows.columns(); ++column) row.push_back(rows.cell(column));
        if (piece.rows.size() == kPiece) flush();
    }
    flush();
    if (json) write(first ? "]\n" : "\n]\n");
}

}  // namespace

void export_rows(const Database& database, const std::filesystem::path& to, TableFormat format, bool by_epoch) {
    Statement rows = database.prepare(by_epoch ? kEpochs : trial_rows());
    if (to == "-") return write_rows(rows, format, [](const std::string& text) { fmt::print("{}", text); });
    try {
        AtomicFile file(to);
        write_rows(rows, format, [&](const std::string& text) { file.write(text); });
        file.commit();
    } catch (const std::system_error& error) {
        throw UserError("cannot write the export: {}", error.what());
    }
}

}  // namespace thaw
