#include "results/store/database.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <system_error>

#include "common/util/error.hpp"
#include "common/util/storage.hpp"

namespace thaw {
namespace {

constexpr int kWriterWaits = 60'000, kReaderWaits = 5'000;  // ms: who reads can be asked again

/// It is not told how much SQLite wanted to write: some pages, less than this.
constexpr std::int64_t kEnough = 1'000'000;

/// `file`: where the connection has none.
[[noreturn]] void throw_error(sqlite3* database, int code, const std::string& file = "the database") {
    const char* name = sqlite3_db_filename(database, "main");
    const std::string path = name && *name ? name : file;
    const std::string message = sqlite3_errmsg(database);
    switch (code & 0xff) {
        case SQLITE_NOTADB:
            throw UserError("{} is not a results database; move it away, or name another folder", path);
        case SQLITE_CORRUPT:
            throw UserError(
                "{} is damaged, cut short or overwritten ({}); restore a copy of it, or move it away and run the sweep "
                "again (its cache and checkpoints are kept)",
                path, message);
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
            throw UserError("cannot write or open {} ({}); the file and its folder must be writable for you", path,
                            message);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            throw UserError("{} is locked by another program ({}); close it there, then run the same command again",
                            path, message);
        case SQLITE_FULL:
            throw StorageError("no room for the results: {}", room_text(path, kEnough));
        case SQLITE_IOERR:  // over quota, among others: SQLite does not tell which
            throw StorageError("cannot read or write the results ({}): {}", message, room_text(path, kEnough));
        default:
            throw StatementError(code & 0xff, message);
    }
}

void check(sqlite3* database, int code) {
    if (code != SQLITE_OK) throw_error(database, code);
}

/// A path as SQLite's URI: what has a meaning there is written as %XX.
std::string file_uri(const std::filesystem::path& path, const char* parameters) {
    std::string uri = "file:";
    for (const char c : path.string()) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '.' || c == '-' || c == '_';
        uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return uri + parameters;
}

}  // namespace

Statement::Statement(sqlite3* database, std::string_view sql, std::string_view* rest) {
    sqlite3_stmt* statement = nullptr;
    const char* tail = nullptr;
    check(database, sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, &tail));
    handle_.reset(statement);
    if (rest) *rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
}

Statement& Statement::with_cells(std::span<const Cell> values) {
    with();
    for (int index = 0; const Cell& value : values) {
        ++index;
        if (const auto* integer = std::get_if<std::int64_t>(&value))
            bind(index, *integer);
        else if (const auto* real = std::get_if<double>(&value))
            bind(index, *real);
        else if (const auto* text = std::get_if<std::string>(&value))
            bind(index, *text);
        else
            bind(index, std::nan(""));
    }
    return *this;
}

bool Statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    sqlite3* database = sqlite3_db_handle(handle_.get());
    if (code != SQLITE_DONE) {
        try {
            throw_error(database, code);
        } catch (...) {
            sqlite3_reset(handle_.get());
            throw;
        }
    }
    sqlite3_reset(handle_.get());
    return false;
}

void Statement::run() {
    while (step()) {
    }
}

Cell Statement::cell(int column) const {
    switch (sqlite3_column_type(handle_.get(), column)) {
        case SQLITE_NULL:
            return {};
        case SQLITE_INTEGER:
            return integer(column);
        case SQLITE_FLOAT:
            return sqlite3_column_double(handle_.get(), column);
        default:
            return text(column);
    }
}

std::string Statement::text(int column) const {
    const void* data = sqlite3_column_blob(handle_.get(), column);
    const int bytes = sqlite3_column_bytes(handle_.get(), column);
    return data ? std::string(static_cast<const char*>(data), static_cast<std::size_t>(bytes)) : std::string();
}

double Statement::real(int column) const {
    const bool null = sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
    return null ? std::numeric_limits<double>::quiet_NaN() : sqlite3_column_double(handle_.get(), column);
}

void Statement::bind(int index, std::int64_t value) {
    check(sqlite3_db_handle(handle_.get()), sqlite3_bind_int64(handle_.get(), index, value));
}

void Statement::bind(int index, double value) {
    const int code = std::isfinite(value) ? sqlite3_bind_double(handle_.get(), index, value)
                                          : sqlite3_bind_null(handle_.get(), index);
    check(sqlite3_db_handle(handle_.get()), code);
}

void Statement::bind(int index, const Bytes& value) {
    check(sqlite3_db_handle(handle_.get()),
          sqlite3_bind_blob64(handle_.get(), index, value.value.data(), value.value.size(), SQLITE_TRANSIENT));
}

void Statement::bind(int index, const std::string& value) {
    check(sqlite3_db_handle(handle_.get()),
          sqlite3_bind_text64(handle_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Database::Database(const std::filesystem::path& path, Mode mode) : path_(path) {
    if (mode != Mode::read) {  // SQLite removes a file without a name when it is closed
        open(mode == Mode::temporary ? "" : path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        return;
    }
    open(path.string(), SQLITE_OPEN_READONLY);
    // In a folder that cannot be written, SQLite cannot make the index of the write-ahead log. Where there is no such
    // log, the file is complete in itself and may be read as it is.
    std::error_code ignored;
    const auto log = std::filesystem::file_size(path.string() + "-wal", ignored);
    const bool no_log = ignored || log == 0;
    const int code = sqlite3_exec(handle(), "PRAGMA schema_version", nullptr, nullptr, nullptr);
    const bool unreadable = code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
    if (unreadable && no_log) open(file_uri(path, "?immutable=1"), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

void Database::open(const std::string& name, int flags) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &opened, flags, nullptr);
    handle_.reset(opened);
    if (code != SQLITE_OK) throw_error(opened, code, path_.string());
    sqlite3_busy_timeout(opened, flags & SQLITE_OPEN_READONLY ? kReaderWaits : kWriterWaits);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

void Database::execute(const std::string& script) {
    check(handle(), sqlite3_exec(handle(), script.c_str(), nullptr, nullptr, nullptr));
}

void Database::copy_from(const Database& other) {
    sqlite3_backup* backup = sqlite3_backup_init(handle(), "main", other.handle(), "main");
    if (backup) sqlite3_backup_step(backup, -1);
    check(handle(), sqlite3_backup_finish(backup));
}

bool Database::understands(std::string_view sql) const {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(handle(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
    sqlite3_finalize(statement);
    return code == SQLITE_OK;
}

std::int64_t Database::number(std::string_view sql) const {
    Statement statement = prepare(sql);
    return statement.step() ? statement.integer(0) : 0;
}

Transaction::Transaction(Database& database, const char* begin) : database_(database) {
    database_.execute(begin);
}

Transaction::~Transaction() {
    if (open_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
    database_.execute("COMMIT");
    open_ = false;
}

bool has_schema(const Database& database) {
    const bool empty = database.number("SELECT count(*) FROM sqlite_schema") == 0;
    const auto application = database.number("PRAGMA application_id");
    const auto version = database.number("PRAGMA user_version");
    if (empty && application == 0 && version == 0) return false;
    const std::string path = database.path().string();
    if (application != kApplicationId)
        throw UserError("{} is a database of another program; move it away, or name another folder", path);
    if (version > kSchemaVersion)
        throw UserError(
            "{} was written by a newer thaw (schema {}, this one knows {}); use that thaw, or another folder", path,
            version, kSchemaVersion);
    return true;
}

}  // namespace thaw
