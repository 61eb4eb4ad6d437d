// The `data:` words of a sweep: where the images are, how they are split, decoded and resized.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thaw {

class Fingerprint;

/// Which images validate. Keras has two methods that disagree, hence the names; see worker/data/image_folder.hpp.
enum class SplitMethod { keras_generator, keras_dataset, fit, stratified };

struct SplitOptions {
    SplitMethod method = SplitMethod::stratified;
    double validation = 0.2;  // fraction of the images that are not test's, in (0, 1)
    std::uint64_t seed = 1;
    int folds = 0;  // cross-validation: so many parts, each of which validates once, in place of `validation`; 0: none
    double test = 0;  // fraction of all images that is split off before, where no folder tests; 0: none
    std::string group =
        {};  // regular expression: images whose paths agree in what it finds stay in one part; empty: none
};

/// Among predictions, in place of a class: the image is validated by other folds than the trial's. (-1: it cannot be
/// read.)
constexpr int kOfAnotherFold = -2;

enum class Interpolation { nearest, bilinear, bicubic, area };

/// How a photo of any size becomes image_size x image_size.
/// crop: the shorter side to image_size, then the centre; pad: the longer side to image_size, black at both ends.
enum class ResizeMethod { squash, crop, pad };

struct DecodeOptions {
    int image_size = 224;
    ResizeMethod resize = ResizeMethod::squash;
    Interpolation interpolation = Interpolation::bilinear;
    bool grey = false;  // luminance in all three channels
};

/// Adds all that decides a decoded pixel but the decoder and image_size.
void add_to(Fingerprint& fingerprint, const DecodeOptions& options);
/// "squash, bilinear" or "pad, bicubic, grey": for people.
std::string decoding_text(const DecodeOptions& options);

enum class OnBadImage { stop, skip };

// Names as sweep files spell them ("keras-generator", "bilinear", ...); parse_ throws UserError with the names there
// are.
SplitMethod parse_split_method(const std::string& name);
Interpolation parse_interpolation(const std::string& name);
ResizeMethod parse_resize_method(const std::string& name);
OnBadImage parse_on_bad_image(const std::string& name);
const char* to_string(SplitMethod method);
const char* to_string(Interpolation interpolation);
const char* to_string(ResizeMethod method);
const char* to_string(OnBadImage policy);

}  // namespace thaw
