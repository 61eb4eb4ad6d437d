#include "worker/weights/pickle_reader.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "common/util/error.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostValues = 1'000'000;

using Use = PickleGlobal::Use;

/// All a pickle of tensors may ask for, besides the storages of element_type.cpp.
constexpr std::pair<std::string_view, Use> kGlobals[] = {
    {"collections.OrderedDict", Use::ordered_dict},
    {"torch._utils._rebuild_tensor", Use::rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", Use::rebuild_tensor},
    {"torch._utils._rebuild_parameter", Use::rebuild_parameter},
    {"torch.Size", Use::size},
    {"torch.device", Use::ignored},
    {"torch.float64", Use::ignored},
    {"torch.float32", Use::ignored},
    {"torch.float16", Use::ignored},
    {"torch.bfloat16", Use::ignored},
    {"torch.int64", Use::ignored},
};

}  // namespace

template <typename... Args>
void PickleReader::fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw UserError("its pickled part is damaged or not from PyTorch, at byte {}: {}", position_,
                    fmt::format(format, std::forward<Args>(args)...));
}

std::string_view PickleReader::take(std::uint64_t count) {
    if (count > bytes_.size() - position_)
        fail("{} bytes are asked for, {} are left", count, bytes_.size() - position_);
    const std::string_view taken = bytes_.substr(position_, count);
    position_ += count;
    return taken;
}

template <typename Number>
Number PickleReader::take_number() {
    Number number;
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
    return number;
}

/// A text or a long number with its length before it.
template <typename Size>
std::string_view PickleReader::take_sized() {
    return take(take_number<Size>());
}

std::string_view PickleReader::take_line() {
    const std::size_t end = bytes_.find('\n', position_);
    if (end == std::string_view::npos) fail("a name without an end");
    const std::string_view line = take(end - position_);
    take(1);
    return line;
}

void PickleReader::count_values(std::size_t more) {
    made_ += more;
    if (made_ > kMostValues) fail("more than {} values; weights need far fewer", kMostValues);
}

void PickleReader::push(PickleValue value) {
    count_values(1);
    stack_.push_back(value);
}

PickleValue& PickleReader::top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("a value is missing");
    return stack_.back();
}

PickleValue PickleReader::pop() {
    const PickleValue value = top();
    stack_.pop_back();
    return value;
}

template <typename Kind>
Kind PickleReader::pop_as(const char* what) {
    const PickleValue value = pop();
    if (const Kind* as_kind = std::get_if<Kind>(&value)) return *as_kind;
    fail("{} is expected", what);
}

std::vector<PickleValue> PickleReader::pop_items(std::size_t count) {
    std::vector<PickleValue> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
}

std::vector<PickleValue> PickleReader::pop_to_mark() {
    if (marks_.empty()) fail("a mark is missing");
    std::vector<PickleValue> items = pop_items(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
}

void PickleReader::push_tuple(std::vector<PickleValue> items) {
    push(&tuples_.emplace_back(PickleTuple{std::move(items)}));
}

void PickleReader::push_long(std::string_view bytes) {
    if (bytes.size() > sizeof(std::int64_t)) return push(PickleBigInteger{bytes});
    const bool negative = !bytes.empty() && (bytes.back() & 0x80);
    std::int64_t value = negative ? -1 : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    push(value);
}

void PickleReader::push_double() {
    auto bits = take_number<std::uint64_t>();  // the only big-endian number of a pickle
    push(std::bit_cast<double>(__builtin_bswap64(bits)));
}

void PickleReader::put(std::uint32_t index) {
    if (memo_.size() >= kMostValues) fail("more than {} remembered values", kMostValues);
    memo_[index] = top();
}

void PickleReader::get(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail("value {} is recalled before it was remembered", index);
    push(found->second);
}

void PickleReader::set_items(const std::vector<PickleValue>& items) {
    PickleDict** dict = std::get_if<PickleDict*>(&top());
    if (!dict || items.size() % 2 != 0) fail("a dict with keys and values is expected");
    for (std::size_t i = 0; i < items.size(); i += 2) (*dict)->items.emplace_back(items[i], items[i + 1]);
}

void PickleReader::append_items(const std::vector<PickleValue>& items) {
    PickleList** list = std::get_if<PickleList*>(&top());
    if (!list) fail("a list is expected");
    (*list)->items.insert((*list)->items.end(), items.begin(), items.end());
}

/// True where the next instructions make an instance of the global just read: EMPTY_TUPLE NEWOBJ (object.__reduce__),
/// or a persistent id ("module", class, source).
bool PickleReader::instantiates_next() const {
    if (!stack_.empty() && std::holds_alternative<std::string_view>(stack_.back()) &&
        std::get<std::string_view>(stack_.back()) == "module")
        return true;
    std::string_view rest = bytes_.substr(position_);
    constexpr std::string_view kRemember[] = {{"q", 1}, {"r", 1}, {"\x94", 1}};
    constexpr std::size_t kLengths[] = {2, 5, 1};
    for (std::size_t i = 0; i < std::size(kRemember); ++i)
        if (rest.starts_with(kRemember[i])) {
            rest = rest.substr(std::min(kLengths[i], rest.size()));
            break;
        }
    return rest.starts_with(")\x81");
}

void PickleReader::refuse_global(const std::string& name) const {
    if (name.starts_with("__torch__."))
        throw UserError(
            "it is a TorchScript program (class '{}'), not a state_dict; in Python: "
            "torch.save(torch.jit.load(FILE).state_dict(), \"weights.pth\")",
            printable(name));
    if (instantiates_next())
        throw UserError(
            "it holds a whole pickled object of class '{}', which only that class's code could read; where the model "
            "is at hand in Python, save its state_dict instead: torch.save(model.state_dict(), \"weights.pth\")",
            printable(name));
    throw UserError(
        "its pickle asks for '{}', which thaw refuses: weights may hold tensors and nothing else. If you trust the "
        "file, load it in Python and save it again as .safetensors or as a plain state_dict: "
        "torch.save(model.state_dict(), \"weights.pth\")",
        printable(name));
}

PickleGlobal PickleReader::find_global(std::string_view module, std::string_view name) const {
    const std::string full = std::string(module) + "." + std::string(name);
    for (const auto& [known, use] : kGlobals)
        if (known == full) return {use, nullptr};
    if (const ElementType* type = find_torch_storage(full)) return {Use::storage, type};
    refuse_global(full);
}

void PickleReader::push_global() {
    const std::string_view module = take_line(), name = take_line();
    push(find_global(module, name));
}

void PickleReader::push_stack_global() {
    const auto name = pop_as<std::string_view>("a name"), module = pop_as<std::string_view>("a module's name");
    push(find_global(module, name));
}

void PickleReader::reduce() {
    const PickleTuple& arguments = *pop_as<PickleTuple*>("a tuple of arguments");
    const auto global = pop_as<PickleGlobal>("a known function");
    switch (global.use) {
        case Use::ordered_dict:
            return push(make_ordered_dict(arguments));
        case Use::rebuild_tensor:
            return push(make_tensor(arguments));
        case Use::ignored:
            return push(PickleIgnored{});
        case Use::size:
        case Use::rebuild_parameter:
            if (arguments.items.empty()) fail("an argument is missing");
            return push(arguments.items[0]);
        case Use::storage:
            fail("a storage without data");
    }
}

/// An OrderedDict may carry attributes (a state_dict's _metadata): read, and not looked at.
void PickleReader::build() {
    pop();
    if (!std::holds_alternative<PickleDict*>(top())) fail("only a dict may have attributes");
}

PickleValue PickleReader::make_ordered_dict(const PickleTuple& arguments) {
    PickleDict& dict = dicts_.emplace_back();
    if (arguments.items.empty()) return &dict;
    // Python 2 hands over the items: a list of [key, value].
    PickleList* const* items = std::get_if<PickleList*>(&arguments.items[0]);
    if (!items) fail("an OrderedDict of a list is expected");
    count_values((*items)->items.size());
    for (const PickleValue& item : (*items)->items) {
        PickleList* const* pair = std::get_if<PickleList*>(&item);
        if (!pair || (*pair)->items.size() != 2) fail("an OrderedDict of pairs is expected");
        dict.items.emplace_back((*pair)->items[0], (*pair)->items[1]);
    }
    return &dict;
}

std::vector<std::int64_t> PickleReader::integers(const PickleValue& value) const {
    PickleTuple* const* tuple = std::get_if<PickleTuple*>(&value);
    if (!tuple) fail("a tuple of numbers is expected");
    if ((*tuple)->items.size() > kMostDimensions) fail("more than {} dimensions", kMostDimensions);
    std::vector<std::int64_t> numbers;
    for (const PickleValue& item : (*tuple)->items) {
        const std::int64_t* number = std::get_if<std::int64_t>(&item);
        if (!number) fail("a whole number is expected");
        numbers.push_back(*number);
    }
    return numbers;
}

/// (storage, offset, shape, strides, ...); what follows (requires_grad, hooks) concerns training alone.
PickleValue PickleReader::make_tensor(const PickleTuple& arguments) {
    const auto& items = arguments.items;
    if (items.size() < 4) fail("a tensor needs storage, offset, shape and strides");
    const PickleStorage* const* storage = std::get_if<const PickleStorage*>(&items[0]);
    const std::int64_t* offset = std::get_if<std::int64_t>(&items[1]);
    if (!storage || !offset) fail("a tensor needs a storage and an offset");
    return &tensors_.emplace_back(PickleTensor{*storage, *offset, integers(items[2]), integers(items[3])});
}

/// A persistent id: ("storage", type, key, device, elements[, view]).
void PickleReader::push_storage() {
    const auto& items = pop_as<PickleTuple*>("a storage's description")->items;
    if (items.size() < 5 || items.size() > 6) fail("a storage's description of 5 or 6 values is expected");
    const auto* kind = std::get_if<std::string_view>(&items[0]);
    const auto* type = std::get_if<PickleGlobal>(&items[1]);
    const auto* key = std::get_if<std::string_view>(&items[2]);
    const auto* elements = std::get_if<std::int64_t>(&items[4]);
    if (!kind || *kind != "storage" || !type || type->use != Use::storage || !key || !elements || *elements < 0)
        fail("a storage's type, key and size are expected");
    if (items.size() == 6 && !std::holds_alternative<PickleNone>(items[5]))
        throw UserError(
            "it holds views of storages, as PyTorch before 0.4 wrote them; load and save it with a newer one");
    const auto [known, added] = storages_by_key_.try_emplace(*key, nullptr);
    if (added)
        known->second = &storages_.emplace_back(PickleStorage{*key, type->element, *elements});
    else if (known->second->type != type->element || known->second->elements != *elements)
        fail("storage '{}' has two types or sizes", printable(*key));
    push(known->second);
}

/// One row an instruction; all else is refused. (https://github.com/python/cpython/blob/main/Lib/pickletools.py)
struct PickleInstructions {
    using Run = void (*)(PickleReader&);
    struct Row {
        unsigned char code;
        Run run;
    };
    static constexpr Row kRows[] = {
        {0x80, [](PickleReader& r) { r.take(1); }},                                            // PROTO
        {0x95, [](PickleReader& r) { r.take(8); }},                                            // FRAME
        {'(', [](PickleReader& r) { r.marks_.push_back(r.stack_.size()); }},                   // MARK
        {'N', [](PickleReader& r) { r.push(PickleNone{}); }},                                  // NONE
        {0x88, [](PickleReader& r) { r.push(true); }},                                         // NEWTRUE
        {0x89, [](PickleReader& r) { r.push(false); }},                                        // NEWFALSE
        {'J', [](PickleReader& r) { r.push(std::int64_t{r.take_number<std::int32_t>()}); }},   // BININT
        {'K', [](PickleReader& r) { r.push(std::int64_t{r.take_number<std::uint8_t>()}); }},   // BININT1
        {'M', [](PickleReader& r) { r.push(std::int64_t{r.take_number<std::uint16_t>()}); }},  // BININT2
        {0x8a, [](PickleReader& r) { r.push_long(r.take_sized<std::uint8_t>()); }},            // LONG1
        {'G', [](PickleReader& r) { r.push_double(); }},                                       // BINFLOAT
        {'X', [](PickleReader& r) { r.push(r.take_sized<std::uint32_t>()); }},                 // BINUNICODE
        {0x8c, [](PickleReader& r) { r.push(r.take_sized<std::uint8_t>()); }},                 // SHORT_BINUNICODE
        {0x8d, [](PickleReader& r) { r.push(r.take_sized<std::uint64_t>()); }},                // BINUNICODE8
        {'T', [](PickleReader& r) { r.push(r.take_sized<std::uint32_t>()); }},                 // BINSTRING (Python 2)
        {'U', [](PickleReader& r) { r.push(r.take_sized<std::uint8_t>()); }},   // SHORT_BINSTRING (Python 2)
        {'B', [](PickleReader& r) { r.push(r.take_sized<std::uint32_t>()); }},  // BINBYTES
        {'C', [](PickleReader& r) { r.push(r.take_sized<std::uint8_t>()); }},   // SHORT_BINBYTES
        {')', [](PickleReader& r) { r.push_tuple(r.pop_items(0)); }},           // EMPTY_TUPLE
        {0x85, [](PickleReader& r) { r.push_tuple(r.pop_items(1)); }},          // TUPLE1
        {0x86, [](PickleReader& r) { r.push_tuple(r.pop_items(2)); }},          // TUPLE2
        {0x87, [](PickleReader& r) { r.push_tuple(r.pop_items(3)); }},          // TUPLE3
        {'t', [](PickleReader& r) { r.push_tuple(r.pop_to_mark()); }},          // TUPLE
        {']', [](PickleReader& r) { r.push(&r.lists_.emplace_back()); }},       // EMPTY_LIST
        {'a', [](PickleReader& r) { r.append_items({r.pop()}); }},              // APPEND
        {'e', [](PickleReader& r) { r.append_items(r.pop_to_mark()); }},        // APPENDS
        {'}', [](PickleReader& r) { r.push(&r.dicts_.emplace_back()); }},       // EMPTY_DICT
        {'s', [](PickleReader& r) { r.set_items(r.pop_items(2)); }},            // SETITEM
        {'u', [](PickleReader& r) { r.set_items(r.pop_to_mark()); }},           // SETITEMS
        {'q', [](PickleReader& r) { r.put(r.take_number<std::uint8_t>()); }},   // BINPUT
        {'r', [](PickleReader& r) { r.put(r.take_number<std::uint32_t>()); }},  // LONG_BINPUT
        {0x94, [](PickleReader& r) { r.put(static_cast<std::uint32_t>(r.memo_.size())); }},  // MEMOIZE
        {'h', [](PickleReader& r) { r.get(r.take_number<std::uint8_t>()); }},                // BINGET
        {'j', [](PickleReader& r) { r.get(r.take_number<std::uint32_t>()); }},               // LONG_BINGET
        {'c', [](PickleReader& r) { r.push_global(); }},                                     // GLOBAL
        {0x93, [](PickleReader& r) { r.push_stack_global(); }},                              // STACK_GLOBAL
        {'R', [](PickleReader& r) { r.reduce(); }},                                          // REDUCE
        {'b', [](PickleReader& r) { r.build(); }},                                           // BUILD
        {'Q', [](PickleReader& r) { r.push_storage(); }},                                    // BINPERSID
    };

    static constexpr std::array<Run, 256> kByCode = [] {
        std::array<Run, 256> all{};
        for (const Row& row : kRows) all[row.code] = row.run;
        return all;
    }();
};

PickleValue PickleReader::read() {
    stack_.clear();
    marks_.clear();
    memo_.clear();
    constexpr unsigned char kStop = '.';
    for (;;) {
        const auto code = take_number<unsigned char>();
        if (code == kStop) break;
        const PickleInstructions::Run run = PickleInstructions::kByCode[code];
        if (!run) fail("unknown instruction 0x{:02x}", code);
        run(*this);
    }
    return pop();
}

}  // namespace thaw
