// A pickle machine that knows tensors and plain data; objects of all other classes are opaque values. It calls nothing,
// so no file can make it run code; functions that only an attack has a use for are refused by name all the same.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "worker/weights/element_type.hpp"

namespace thaw {

struct PickleTuple;
struct PickleList;
struct PickleDict;

/// A storage as a tensor names it: the bytes themselves stand elsewhere, under `key`.
struct PickleStorage {
    std::string_view key;
    const ElementType* type = nullptr;
    std::int64_t elements = 0;
};

/// A view of a storage; offset and strides count elements. Nothing in it has been checked against the storage.
struct PickleTensor {
    const PickleStorage* storage = nullptr;
    std::int64_t offset = 0;
    std::vector<std::int64_t> shape, strides;
};

/// A class or function by its name.
struct PickleGlobal {
    enum class Use {
        ordered_dict,
        size,
        opaque,
        rebuild_tensor,
        rebuild_parameter,
        rebuild_subclass,
        attribute,
        storage
    };
    Use use = Use::opaque;
    const ElementType* element = nullptr;  // storage
    std::string_view module, name;
};

struct PickleNone {};
/// An integer of more than 64 bits: its little-endian bytes.
struct PickleBigInteger {
    std::string_view bytes;
};

/// Pointers are into the PickleReader, texts into the bytes it reads.
using PickleValue =
    std::variant<PickleNone, bool, std::int64_t, double, std::string_view, PickleBigInteger, PickleGlobal, PickleTuple*,
                 PickleList*, PickleDict*, const PickleStorage*, const PickleTensor*>;

struct PickleTuple {
    std::vector<PickleValue> items;
};
struct PickleList {
    std::vector<PickleValue> items;
};
/// A dict, or an object of any class: of what it holds only the items are kept that a dict of its class would have.
struct PickleDict {
    std::vector<std::pair<PickleValue, PickleValue>> items;  // in the file's order, a later key overrides
    std::string of_class;                                    // "argparse.Namespace"; empty: a plain dict
    bool is_network = false;                                 // a whole torch.nn.Module
};

/// Reads one pickle after the other from `bytes`, which must outlive it and the values it returns. There is no
/// recursion, and memory is bounded by the number of values, of which there may be a million.
class PickleReader {
  public:
    explicit PickleReader(std::string_view bytes) : bytes_(bytes) {}
    PickleReader(const PickleReader&) = delete;
    PickleReader& operator=(const PickleReader&) = delete;

    /// The next pickle's value; throws UserError: damaged, or asks for more than tensors.
    PickleValue read();
    /// Where the next pickle begins.
    std::size_t position() const { return position_; }

    /// All storages named so far, by key.
    const std::unordered_map<std::string_view, const PickleStorage*>& storages() const { return storages_by_key_; }

  private:
    friend struct PickleInstructions;

    template <typename... Args>
    [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const;
    std::string_view take(std::uint64_t count);
    template <typename Number>
    Number take_number();
    template <typename Size>
    std::string_view take_sized();
    std::string_view take_line();
    void count_values(std::size_t more);

    void push(PickleValue value);
    PickleValue pop();
    PickleValue& top();
    template <typename Kind>
    Kind pop_as(const char* what);
    std::vector<PickleValue> pop_items(std::size_t count);
    std::vector<PickleValue> pop_to_mark();

    void push_tuple(std::vector<PickleValue> items);
    void push_long(std::string_view bytes);
    void push_double();
    void put(std::uint32_t index);
    void get(std::uint32_t index);
    void set_items(const std::vector<PickleValue>& items);
    void append_items(const std::vector<PickleValue>& items);

    void push_global();
    void push_stack_global();
    PickleGlobal find_global(std::string_view module, std::string_view name) const;
    void push_object(const PickleValue& of_class);
    void make_object(std::size_t arguments);
    void reduce();
    void call(const PickleGlobal& function, const PickleTuple& arguments);
    void build();
    void push_storage();
    PickleValue make_ordered_dict(const PickleTuple& arguments);
    PickleValue make_tensor(const PickleTuple& arguments);
    std::vector<std::int64_t> integers(const PickleValue& value) const;

    std::string_view bytes_;
    std::size_t position_ = 0;
    std::size_t made_ = 0;  // values pushed so far
    std::vector<PickleValue> stack_;
    std::vector<std::size_t> marks_;  // heights of the stack
    std::unordered_map<std::uint32_t, PickleValue> memo_;
    std::unordered_map<std::string_view, const PickleStorage*> storages_by_key_;
    std::deque<PickleTuple> tuples_;
    std::deque<PickleList> lists_;
    std::deque<PickleDict> dicts_;
    std::deque<PickleStorage> storages_;
    std::deque<PickleTensor> tensors_;
};

}  // namespace thaw
