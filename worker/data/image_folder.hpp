// A class-per-folder tree of images as a list with labels, splits and content fingerprints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/trial/data_options.hpp"

namespace thaw {

enum class Part : std::uint8_t { train, validation, test };

struct ImageFile {
    std::string path;  // relative to the dataset's folder
    int label = 0;     // index into Dataset::classes; -1 in a test folder without classes
    Part part = Part::train;
    std::string fingerprint;  // of the file's content
    int fold = 0;             // where folds cross-validate: of Part::train images, the one that they validate, from 1
    int decoder = 1;          // ImageHeader::decoder: which version of its format's decoder makes its pixels
    std::string group = {};   // images of one group (a patient, a video) stay in one part; empty: of none

    /// Names what its pixels are made of: the content and, above 1, the decoder's version.
    std::string pixels() const;
    /// Its part for a trial of this fold; 0: for one without.
    Part part_in(int trials_fold) const { return fold != 0 && fold == trials_fold ? Part::validation : part; }
    /// Whether some trial's validation images have it among them.
    bool validates() const { return part == Part::validation || fold != 0; }
};

/// What lies among the images and is not taken for one.
struct LeftOut {
    enum class Why : std::uint8_t { ending, broken_link, no_part };
    std::string path;  // relative to the dataset's folder
    Why why = Why::ending;
};

struct Dataset {
    std::filesystem::path folder;
    std::vector<std::string> classes;    // sorted by name
    std::vector<ImageFile> images;       // sorted by path
    std::vector<LeftOut> left_out = {};  // sorted by path; only a scan knows
    bool as_it_stands = false;           // there is a validation folder, so that nothing was split; only a scan knows
    std::string train_folder = {};       // as it is called, where there is one; only a scan knows
    bool keeps_copies_together = false;  // its split saw to it; only a scan knows
    /// Hash of all that decides what is trained on: contents, decoders, labels, parts, folds; not of where the folder
    /// lies.
    std::string fingerprint() const;
    /// How many images have this part for a trial of this fold.
    int count(Part part, int fold) const;
};

/// By the ending of its name.
bool looks_like_image(const std::filesystem::path& path);

/// Lists the images (by content, not by extension: .jpg .jpeg .png .bmp .webp .ppm .tif .tiff .gif in either case are
/// looked at; dot files and what systems leave in folders, such as Thumbs.db, are passed over, others are left out).
/// Two layouts: FOLDER/CLASS/*, split by `split`; or FOLDER/{train,val or validation or valid,test}/CLASS/*, in either
/// case, whose parts are as they stand (without a val folder, train is split). Class names that are equal but for their
/// Unicode form are one class. Contents are fingerprinted on `threads` threads; `fingerprint_cache` (a file, may be
/// empty) remembers them by path, size and modification time. Throws UserError: no such folder, no classes, one class
/// only, an empty class folder, a class missing from train, folders inside a class folder, two validation folders,
/// names that are not UTF-8, a file that cannot be read, a split that leaves a class without training images or nothing
/// to validate, folds and a validation folder. Dataset::images come sorted: train and what was split from it, then
/// validation and test folders; in each by class and name, bytewise. Part names are class names where no class folders
/// lie in train/. A test folder without classes holds images (label -1), or one folder of them that is not named as a
/// class. The splits keras-generator and keras-dataset list what Keras lists: their own endings (neither of them webp;
/// the former without gif, the latter without ppm and tif), folders inside class folders too, each folder's files after
/// those of the folder around it. Dot files and dot folders are left out all the same.
Dataset scan_images(const std::filesystem::path& folder, const SplitOptions& split, int threads,
                    const std::filesystem::path& fingerprint_cache = {});

/// Assigns parts of unsplit images, whatever their order; exposed for tests. The methods:
/// - keras_generator: per class, sorted by name, the first f*n, rounded down (ImageDataGenerator's validation_split);
/// - keras_dataset: all, sorted by class and name, shuffled once by seed as image_dataset_from_directory does (numpy's
///   RandomState), the last f*N, rounded down;
/// - fit: the last f*N of the sorted list, rounded up, as model.fit's validation_split rounds the training part down;
/// - stratified: per class, the round(f*n) images (at least one, never all) with the smallest hash of (content, seed),
///   so that adding an image moves few others. Images of equal content or of one group stay together: what is too large
///   for what a class still lacks is passed over.
/// With folds, all train and each image has the fold in which it validates. Their sizes differ by one at most:
/// - fit, keras-dataset: the list, sorted or shuffled as above, in so many pieces (scikit-learn's KFold of that list);
/// - keras-generator: scikit-learn's StratifiedKFold of the sorted list, without shuffling;
/// - stratified: as many of each class as there, dealt out in the order of the hash.
/// Images of equal content, or of one group, validate in the same fold: that of the first of them.
/// `test`, of stratified alone, is split off first, in the same manner.
/// Throws UserError: a fraction that is not between 0 and 1, a seed that numpy refuses, more folds than images.
void split_images(std::vector<ImageFile>& images, int classes, const SplitOptions& options);

/// The dataset as a JSON file that every rank reads.
void write_dataset(const std::filesystem::path& path, const Dataset& dataset);
Dataset read_dataset(const std::filesystem::path& path);

}  // namespace thaw
