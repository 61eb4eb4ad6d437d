#include <string_view>

#include "common/util/error.hpp"
#include "results/store/database.hpp"
#include "results/store/journal.hpp"
#include "results/store/migration.hpp"
#include "results/store/writer_lock.hpp"

namespace thaw {
namespace {

/// For queries: reading and computing is allowed, everything else is not.
int allow_reading(void*, int action, const char*, const char* second, const char*, const char*) {
    switch (action) {
        case SQLITE_SELECT:
        case SQLITE_READ:
        case SQLITE_RECURSIVE:
        case SQLITE_TRANSACTION:
            return SQLITE_OK;
        case SQLITE_FUNCTION:
            return std::string_view(second) == "load_extension" ? SQLITE_DENY : SQLITE_OK;
        default:
            return SQLITE_DENY;
    }
}

/// Who reads need know the present schema alone.
Database up_to_date_copy(const Database& old) {
    Database copy(old.path(), Database::Mode::temporary);
    copy.copy_from(old);
    bring_up_to_date(copy);
    return copy;
}

/// Without a write-ahead log a writer waits for those who read: they had better be quick.
bool would_block_writer(const Database& database) {
    Statement mode = database.prepare("PRAGMA journal_mode");
    const bool has_log = mode.step() && mode.text(0) == "wal";
    return !has_log && current_writer(database.path()).has_value();
}

}  // namespace

Database open_results(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path))
        throw UserError("there are no results at {}; `thaw run SWEEP.yaml` makes them", path.string());
    Database database(path, Database::Mode::read);
    if (!has_schema(database)) throw UserError("{} holds no results yet; has `thaw run` been started?", path.string());
    if (!is_up_to_date(database) || would_block_writer(database)) database = up_to_date_copy(database);
    if (journal_at(path) == Journal::write_ahead) database.execute("PRAGMA mmap_size = 1073741824");
    database.execute("PRAGMA query_only = ON");
    sqlite3_limit(database.handle(), SQLITE_LIMIT_LENGTH, 64 << 20);
    sqlite3_limit(database.handle(), SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_set_authorizer(database.handle(), allow_reading, nullptr);
    return database;
}

}  // namespace thaw
