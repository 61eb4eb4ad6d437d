// `thaw export --optuna`: a study in a storage that Optuna and its dashboard open.
#pragma once

#include <filesystem>

#include "results/store/database.hpp"

namespace thaw {

/// Writes a new SQLite file with one study of the run's name, to maximize validation accuracy. Finished trials are
/// COMPLETE, stopped ones PRUNED, failed ones (and finished ones without an accuracy, which Optuna does not know) FAIL.
/// Parameters are the axes that vary; epochs are intermediate values. Throws UserError: the file is there already.
void export_optuna(const Database& database, const std::filesystem::path& to);

}  // namespace thaw
