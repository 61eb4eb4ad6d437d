// Makes the tables of a new results database, and those of one that an older thaw wrote into the present ones.
#pragma once

#include "results/store/database.hpp"

namespace thaw {

/// Whether it has the present schema, with a column for every axis.
bool is_up_to_date(const Database& database);

/// All or nothing, in one transaction; for an empty database, or one that has_schema().
void bring_up_to_date(Database& database);

}  // namespace thaw
