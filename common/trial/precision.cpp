#include "common/trial/precision.hpp"

namespace thaw {

const NameTable<Precision>& names_of(Precision) {
    static const NameTable<Precision> names = {{Precision::float32, "fp32"}, {Precision::bfloat16, "bf16"}};
    return names;
}

const char* to_string(Precision precision) {
    return word_of(precision);
}

Precision parse_precision(const std::string& name) {
    return parse_name("precision", names_of(Precision{}), name);
}

std::string precision_mark(Precision precision) {
    return precision == Precision::float32 ? "" : fmt::format(" ({})", to_string(precision));
}

}  // namespace thaw
