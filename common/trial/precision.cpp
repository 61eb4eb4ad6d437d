#include "common/trial/precision.hpp"

#include "common/util/names.hpp"

namespace thaw {
namespace {

const NameTable<Precision> kPrecisions = {{Precision::float32, "fp32"}, {Precision::bfloat16, "bf16"}};

}  // namespace

const char* to_string(Precision precision) {
    return name_of(kPrecisions, precision);
}

Precision parse_precision(const std::string& name) {
    return parse_name("precision", kPrecisions, name);
}

std::string precision_mark(Precision precision) {
    return precision == Precision::float32 ? "" : fmt::format(" ({})", to_string(precision));
}

}  // namespace thaw
