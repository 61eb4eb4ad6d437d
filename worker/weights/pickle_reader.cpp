#include "worker/weights/pickle_reader.hpp"

#include <algorithm>
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

/// What a pickle of tensors asks for, besides the storages of element_type.cpp.
constexpr std::pair<std::string_view, Use> kGlobals[] = {
    {"collections.OrderedDict", Use::ordered_dict},
    {"torch._utils._rebuild_tensor", Use::rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", Use::rebuild_tensor},
    {"torch._utils._rebuild_parameter", Use::rebuild_parameter},
    {"torch._utils._rebuild_parameter_with_state", Use::rebuild_parameter},
    {"torch._tensor._rebuild_from_type_v2", Use::rebuild_subclass},
    {"torch.Size", Use::size},
    {"builtins.getattr", Use::attribute},
    {"__builtin__.getattr", Use::attribute},
};

/// Modules that no checkpoint has a use for, and attacks have. Nothing of them would run here; but who loads the same
/// file elsewhere should know.
constexpr std::string_view kRefusedModules[] = {
    "_posixsubprocess", "asyncio",   "bdb",     "cloudpickle", "code",   "codeop",    "commands",
    "ctypes",           "dill",      "ftplib",  "http",        "imp",    "importlib", "marshal",
    "multiprocessing",  "nt",        "os",      "pdb",         "pickle", "pip",       "pkgutil",
    "popen2",           "posix",     "profile", "pty",         "pydoc",  "requests",  "runpy",
    "shutil",           "signal",    "socket",  "subprocess",  "sys",    "tempfile",  "timeit",
    "urllib",           "webbrowser"};

/// Of Python's own functions and classes, those that values of plain data are made by.
constexpr std::string_view kHarmlessBuiltins[] = {
    "Ellipsis", "NotImplemented", "bool", "bytearray", "bytes", "complex", "dict",
    "float",    "frozenset",      "int",  "list",      "long",  "object",  "range",
    "set",      "slice",          "str",  "tuple",     "type",  "unicode", "xrange"};

[[noreturn]] void refuse_function(const std::string& function) {
    throw UserError(
        "its pickle asks for '{}', which thaw refuses: weights have no use for it, and attacks have. If you trust "
        "the file, load it in Python and save it again as .safetensors or as a plain state_dict: "
        "torch.save(model.state_dict(), \"weights.pth\")",
        printable(function));
}

bool is_refused(std::string_view module, std::string_view name) {
    const std::string_view root = module.substr(0, module.find('.'));
    if (root == "builtins" || root == "__builtin__")
        return std::ranges::find(kHarmlessBuiltins, name) == std::end(kHarmlessBuiltins) && !name.ends_with("Error") &&
               !name.ends_with("Exception");
    // Names with a dot (protocol 4) reach into what a module imports.
    return std::ranges::find(kRefusedModules, root) != std::end(kRefusedModules) ||
           (module == "torch" && (name.starts_with("load") || name.starts_with("hub"))) ||
           (module == "types" && (name == "FunctionType" || name == "CodeType"));
}

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
    if (std::holds_alternative<PickleDict*>(top())) return;  // of a class that is a list or a set
    PickleList** list = std::get_if<PickleList*>(&top());
    if (!list) fail("a list is expected");
    (*list)->items.insert((*list)->items.end(), items.begin(), items.end());
}

PickleGlobal PickleReader::find_global(std::string_view module, std::string_view name) const {
    const std::string full = std::string(module) + "." + std::string(name);
    for (const auto& [known, use] : kGlobals)
        if (known == full) return {use, nullptr, module, name};
    if (const ElementType* type = find_torch_storage(full)) return {Use::storage, type, module, name};
    if (full.starts_with("__torch__."))
        throw UserError(
            "it is a TorchScript program (class '{}'), not a state_dict; in Python: "
            "torch.save(torch.jit.load(FILE).state_dict(), \"weights.pth\")",
            printable(full));
    if (is_refused(module, name)) refuse_function(full);
    return {Use::opaque, nullptr, module, name};
}

/// An object whose class or maker is `of_class`, as far as it says.
void PickleReader::push_object(const PickleValue& of_class) {
    PickleDict& object = dicts_.emplace_back();
    object.of_class = "object";
    if (const auto* global = std::get_if<PickleGlobal>(&of_class))
        object.of_class = printable(std::string(global->module) + "." + std::string(global->name));
    push(&object);
}

/// NEWOBJ and its kin: a class and what its instance is made of.
void PickleReader::make_object(std::size_t arguments) {
    pop_items(arguments);
    push_object(pop());
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
    const PickleValue function = pop();
    if (std::holds_alternative<PickleDict*>(function)) return push_object({});  // a method of some object
    const auto* global = std::get_if<PickleGlobal>(&function);
    if (!global) fail("a known function is expected");
    call(*global, arguments);
}

void PickleReader::call(const PickleGlobal& function, const PickleTuple& arguments) {
    const auto& items = arguments.items;
    switch (function.use) {
        case Use::ordered_dict:
            return push(make_ordered_dict(arguments));
        case Use::rebuild_tensor:
            return push(make_tensor(arguments));
        case Use::size:
        case Use::rebuild_parameter:
            if (items.empty()) fail("an argument is missing");
            return push(items[0]);
        case Use::rebuild_subclass: {  // (function, class, its arguments, state)
            const auto* inner = items.size() < 3 ? nullptr : std::get_if<PickleGlobal>(&items[0]);
            const auto* inner_arguments = inner ? std::get_if<PickleTuple*>(&items[2]) : nullptr;
            if (!inner_arguments || inner->use == Use::rebuild_subclass) fail("a function and arguments are expected");
            return call(*inner, **inner_arguments);
        }
        case Use::attribute:  // a member of an enum is pickled as getattr(class, name)
            if (items.size() != 2 || !std::holds_alternative<PickleGlobal>(items[0]))
                refuse_function(std::string(function.module) + ".getattr");
            return push_object(items[0]);
        case Use::storage:
            fail("a storage without data");
        case Use::opaque:
            const bool names_class = function.module == "copyreg" || function.module == "copy_reg";
            return push_object(names_class && !items.empty() ? items[0] : PickleValue(function));
    }
}

/// Attributes (a state_dict's _metadata, all of a Namespace) are read, and not looked at.
void PickleReader::build() {
    const PickleValue state = pop();
    PickleDict** object = std::get_if<PickleDict*>(&top());
    if (!object) fail("only a dict may have attributes");
    if (const auto* attributes = std::get_if<PickleDict*>(&state); attributes && !(*object)->of_class.empty()) {
        count_values((*attributes)->items.size());  // one state may be that of many objects
        for (const auto& [key, value] : (*attributes)->items)
            if (const auto* name = std::get_if<std::string_view>(&key); name && *name == "_parameters")
                (*object)->is_network = true;
    }
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
    if (!items.empty() && std::holds_alternative<PickleDict*>(items[0])) return items[0];  // of a type that thaw lacks
    if (items.size() < 4) fail("a tensor needs storage, offset, shape and strides");
    const PickleStorage* const* storage = std::get_if<const PickleStorage*>(&items[0]);
    const std::int64_t* offset = std::get_if<std::int64_t>(&items[1]);
    if (!storage || !offset) fail("a tensor needs a storage and an offset");
    return &tensors_.emplace_back(PickleTensor{*storage, *offset, integers(items[2]), integers(items[3])});
}

/// A persistent id: ("storage", type, key, device, elements[, view]).
void PickleReader::push_storage() {
    const auto& items = pop_as<PickleTuple*>("a storage's description")->items;
    const auto* what = items.size() < 2 ? nullptr : std::get_if<std::string_view>(&items[0]);
    const auto* made_by = what ? std::get_if<PickleGlobal>(&items[1]) : nullptr;
    if (made_by && *what == "module") return push(*made_by);  // a class with its source
    if (made_by && *what == "storage" && made_by->use == Use::opaque) return push_object(*made_by);
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
        {'U', [](PickleReader& r) { r.push(r.take_sized<std::uint8_t>()); }},         // SHORT_BINSTRING (Python 2)
        {'B', [](PickleReader& r) { r.push(r.take_sized<std::uint32_t>()); }},        // BINBYTES
        {'C', [](PickleReader& r) { r.push(r.take_sized<std::uint8_t>()); }},         // SHORT_BINBYTES
        {0x8b, [](PickleReader& r) { r.push_long(r.take_sized<std::uint32_t>()); }},  // LONG4
        {0x8e, [](PickleReader& r) { r.push(r.take_sized<std::uint64_t>()); }},       // BINBYTES8
        {0x96, [](PickleReader& r) { r.push(r.take_sized<std::uint64_t>()); }},       // BYTEARRAY8
        {'0', [](PickleReader& r) { r.pop(); }},                                      // POP
        {'1', [](PickleReader& r) { r.pop_to_mark(); }},                              // POP_MARK
        {'2', [](PickleReader& r) { r.push(r.top()); }},                              // DUP
        {0x81, [](PickleReader& r) { r.make_object(1); }},                            // NEWOBJ
        {0x92, [](PickleReader& r) { r.make_object(2); }},                            // NEWOBJ_EX
        {0x8f, [](PickleReader& r) { r.push_object({}); }},                           // EMPTY_SET
        {0x90, [](PickleReader& r) { r.append_items(r.pop_to_mark()); }},             // ADDITEMS
        {0x91, [](PickleReader& r) { r.pop_to_mark(), r.push_object({}); }},          // FROZENSET
        {')', [](PickleReader& r) { r.push_tuple(r.pop_items(0)); }},                 // EMPTY_TUPLE
        {0x85, [](PickleReader& r) { r.push_tuple(r.pop_items(1)); }},                // TUPLE1
        {0x86, [](PickleReader& r) { r.push_tuple(r.pop_items(2)); }},                // TUPLE2
        {0x87, [](PickleReader& r) { r.push_tuple(r.pop_items(3)); }},                // TUPLE3
        {'t', [](PickleReader& r) { r.push_tuple(r.pop_to_mark()); }},                // TUPLE
        {']', [](PickleReader& r) { r.push(&r.lists_.emplace_back()); }},             // EMPTY_LIST
        {'a', [](PickleReader& r) { r.append_items({r.pop()}); }},                    // APPEND
        {'e', [](PickleReader& r) { r.append_items(r.pop_to_mark()); }},              // APPENDS
        {'}', [](PickleReader& r) { r.push(&r.dicts_.emplace_back()); }},             // EMPTY_DICT
        {'s', [](PickleReader& r) { r.set_items(r.pop_items(2)); }},                  // SETITEM
        {'u', [](PickleReader& r) { r.set_items(r.pop_to_mark()); }},                 // SETITEMS
        {'q', [](PickleReader& r) { r.put(r.take_number<std::uint8_t>()); }},         // BINPUT
        {'r', [](PickleReader& r) { r.put(r.take_number<std::uint32_t>()); }},        // LONG_BINPUT
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
