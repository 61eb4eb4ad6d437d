// A thin layer over SQLite's C interface: connections and statements that close themselves, errors as exceptions.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/util/table.hpp"

namespace thaw {

/// The statement itself was refused (syntax, unknown names, a constraint, not allowed), as opposed to what is wrong
/// with the file or the disk, which is thrown as UserError.
class StatementError : public std::runtime_error {
  public:
    StatementError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
    int code() const { return code_; }  // SQLite's primary result code

  private:
    int code_;
};

/// Bound as a BLOB.
struct Bytes {
    std::string value;
};

class Statement {
  public:
    /// Prepares the first statement in `sql`; where `rest` is given, it receives what follows.
    Statement(sqlite3* database, std::string_view sql, std::string_view* rest = nullptr);

    /// Binds ?1, ?2, ... in this order; numbers that are not finite are bound as NULL.
    template <typename... Values>
    Statement& with(const Values&... values) {
        sqlite3_reset(handle_.get());
        int index = 0;
        (bind(++index, values), ...);
        return *this;
    }
    /// The same with any values; that which is none is NULL.
    Statement& with_cells(std::span<const Cell> values);
    /// The next row, or false after the last (the statement is then ready to be used again).
    bool step();
    /// All steps, rows ignored.
    void run();

    int columns() const { return sqlite3_column_count(handle_.get()); }
    std::string name(int column) const { return sqlite3_column_name(handle_.get(), column); }
    Cell cell(int column) const;
    std::string text(int column) const;
    std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
    double real(int column) const;  // NaN for NULL
    sqlite3_stmt* handle() const { return handle_.get(); }

  private:
    void bind(int index, std::int64_t value);
    void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
    void bind(int index, double value);
    void bind(int index, const std::string& value);
    void bind(int index, const Bytes& value);

    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
  public:
    /// temporary: an empty database elsewhere, which goes with the connection; the path is then what errors name.
    enum class Mode { read, write, temporary };
    /// Throws UserError where the file cannot be opened so. Whether it is thaw's is told by has_schema().
    Database(const std::filesystem::path& path, Mode mode);

    void execute(const std::string& script);
    /// All that the other one holds, in place of what this one does.
    void copy_from(const Database& other);
    Statement prepare(std::string_view sql) const { return Statement(handle_.get(), sql); }
    /// First column of the first row, 0 where there is none.
    std::int64_t number(std::string_view sql) const;
    int changes() const { return sqlite3_changes(handle_.get()); }
    sqlite3* handle() const { return handle_.get(); }
    const std::filesystem::path& path() const { return path_; }

  private:
    void open(const std::string& name, int flags);
    struct Close {
        void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
    };
    std::filesystem::path path_;
    std::unique_ptr<sqlite3, Close> handle_;
};

/// Everything executed until commit() becomes one transaction; without a commit nothing of it remains.
class Transaction {
  public:
    explicit Transaction(Database& database, const char* begin = "BEGIN IMMEDIATE");
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

  private:
    Database& database_;
    bool open_ = true;
};

/// Marks a file as thaw's (PRAGMA application_id), and says which schema it has (PRAGMA user_version).
inline constexpr int kApplicationId = 0x74686177;  // "thaw"
inline constexpr int kSchemaVersion = 8;

/// False for an empty database; throws UserError for one that is not thaw's or was written by a newer thaw.
bool has_schema(const Database& database);

/// Whether a table or view has this column: a database of an older schema is read as it is.
bool has_column(const Database& database, const char* relation, const char* column);

/// Opens results for reading only: no statement on this connection can change the file, open another one, or load code.
/// A reader never waits for the writer of a running sweep, nor the other way round; on network file systems, where a
/// rollback journal is kept, for no longer than it takes to copy the file: what is read is the copy. What an older thaw
/// wrote is read from a copy, too, brought up to date.
Database open_results(const std::filesystem::path& path);

}  // namespace thaw
