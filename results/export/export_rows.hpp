// `thaw export --csv, --json`: one row a trial, or one an epoch, for spreadsheets and scripts.
#pragma once

#include <filesystem>

#include "common/util/table.hpp"
#include "results/store/database.hpp"

namespace thaw {

/// Every trial on the latest data, whatever its state, with its axes, what it reached and why it failed; by_epoch: the
/// epochs of all of these. Rows are written as they are read, however many there are; "-" is standard output.
void export_rows(const Database& database, const std::filesystem::path& to, TableFormat format, bool by_epoch);

}  // namespace thaw
