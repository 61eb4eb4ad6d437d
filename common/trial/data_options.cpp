#include "common/trial/data_options.hpp"

#include "common/util/fingerprint.hpp"
#include "common/util/names.hpp"

namespace thaw {
namespace {

const NameTable<SplitMethod> kSplitMethods = {{SplitMethod::keras_generator, "keras-generator"},
                                              {SplitMethod::keras_dataset, "keras-dataset"},
                                              {SplitMethod::fit, "fit"},
                                              {SplitMethod::stratified, "stratified"}};
const NameTable<Interpolation> kInterpolations = {{Interpolation::nearest, "nearest"},
                                                  {Interpolation::bilinear, "bilinear"},
                                                  {Interpolation::bicubic, "bicubic"},
                                                  {Interpolation::area, "area"}};
const NameTable<ResizeMethod> kResizeMethods = {
    {ResizeMethod::squash, "squash"}, {ResizeMethod::crop, "crop"}, {ResizeMethod::pad, "pad"}};
const NameTable<OnBadImage> kBadImagePolicies = {{OnBadImage::stop, "stop"}, {OnBadImage::skip, "skip"}};

}  // namespace

void add_to(Fingerprint& fingerprint, const DecodeOptions& options) {
    fingerprint.add(to_string(options.resize)).add(to_string(options.interpolation));
    if (options.grey) fingerprint.add("grey");  // else as before there was such a thing
}

std::string decoding_text(const DecodeOptions& options) {
    return std::string(to_string(options.resize)) + ", " + to_string(options.interpolation) +
           (options.grey ? ", grey" : "");
}

SplitMethod parse_split_method(const std::string& name) {
    return parse_name("split method", kSplitMethods, name);
}
Interpolation parse_interpolation(const std::string& name) {
    return parse_name("interpolation", kInterpolations, name);
}
ResizeMethod parse_resize_method(const std::string& name) {
    return parse_name("resize method", kResizeMethods, name);
}
OnBadImage parse_on_bad_image(const std::string& name) {
    return parse_name("on_bad_image policy", kBadImagePolicies, name);
}
const char* to_string(SplitMethod method) {
    return name_of(kSplitMethods, method);
}
const char* to_string(Interpolation interpolation) {
    return name_of(kInterpolations, interpolation);
}
const char* to_string(ResizeMethod method) {
    return name_of(kResizeMethods, method);
}
const char* to_string(OnBadImage policy) {
    return name_of(kBadImagePolicies, policy);
}

}  // namespace thaw
