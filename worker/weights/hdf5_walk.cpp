#include "worker/weights/hdf5_walk.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "common/util/error.hpp"
#include "worker/weights/element_type.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

constexpr int kDeepestGroup = 32;
constexpr std::uint64_t kMostObjects = 200000;  // NASNet's file has 8000
constexpr std::uint64_t kMostTextBytesOfAttribute = 16 << 20;

/// An identifier of the HDF5 library, given back at the end of its scope.
class Handle {
  public:
    Handle(hid_t id, herr_t (*close)(hid_t), const std::string& what) : id_(id), close_(close) {
        if (id < 0) throw UserError("{} cannot be read; the file is damaged, fetch it again", printable(what));
    }
    ~Handle() { close_(id_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    operator hid_t() const { return id_; }

  private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

// The library takes the image as it is: nothing is copied.
void* keep_image(size_t, H5FD_file_image_op_t, void* image) {
    return image;
}
void* leave_image(void* to, const void*, size_t, H5FD_file_image_op_t, void*) {
    return to;
}
herr_t free_nothing(void*, H5FD_file_image_op_t, void*) {
    return 0;
}
void* share_image(void* image) {
    return image;
}
herr_t forget_image(void*) {
    return 0;
}

hid_t open_image(std::span<const std::byte> image) {
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), &H5Pclose, "the file");
    void* bytes = const_cast<std::byte*>(image.data());
    H5FD_file_image_callbacks_t callbacks = {&keep_image,  &leave_image,  nullptr, &free_nothing,
                                             &share_image, &forget_image, bytes};
    H5Pset_fapl_core(access, 1 << 16, false);
    H5Pset_file_image_callbacks(access, &callbacks);
    H5Pset_file_image(access, bytes, image.size());
    return H5Fopen("image", H5F_ACC_RDONLY, access);
}

class Walk {
  public:
    Walk(std::uint64_t file_bytes, std::uint64_t most_bytes, const Hdf5Visitor& visitor)
        : file_bytes_(file_bytes), most_bytes_(most_bytes), visitor_(visitor) {}

    void group(hid_t id, const std::string& path, int depth) {
        if (depth > kDeepestGroup) throw UserError("its groups are nested deeper than {}", kDeepestGroup);
        attributes(id, path);
        H5G_info_t info;
        if (H5Gget_info(id, &info) < 0) damaged(path);
        for (hsize_t i = 0; i < info.nlinks; ++i) {
            if (++objects_ > kMostObjects) throw UserError("more than {} objects are in it", kMostObjects);
            child(id, path, i, depth);
        }
    }

  private:
    [[noreturn]] static void damaged(const std::string& path) {
        throw UserError("'{}' in it is damaged; fetch the file again", printable(path));
    }

    void child(hid_t id, const std::string& path, hsize_t index, int depth) {
        std::array<char, 1024> name{};
        if (H5Lget_name_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_NATIVE, index, name.data(), name.size(), H5P_DEFAULT) <
            0)
            damaged(path);
        const std::string place = path.empty() ? name.data() : path + "/" + name.data();
        H5L_info_t link;
        if (H5Lget_info(id, name.data(), &link, H5P_DEFAULT) < 0) damaged(place);
        if (link.type != H5L_TYPE_HARD)
            throw UserError("'{}' in it is a link to elsewhere, which no weight file needs", printable(place));
        const Handle object(H5Oopen(id, name.data(), H5P_DEFAULT), &H5Oclose, place);
        switch (H5Iget_type(object)) {
            case H5I_GROUP:
                group(object, place, depth + 1);
                break;
            case H5I_DATASET:
                attributes(object, place);
                dataset(object, place);
                break;
            default:
                break;  // a named type
        }
    }

    /// Throws where the values lie outside the file, or are packed by more than gzip.
    void check_layout(hid_t id, const std::string& path, std::uint64_t bytes, hsize_t element) const {
        const Handle created(H5Dget_create_plist(id), &H5Pclose, path);
        const H5D_layout_t layout = H5Pget_layout(created);
        if (layout == H5D_VIRTUAL || H5Pget_external_count(created) != 0)
            throw UserError("the values of '{}' lie in other files; only what is in the file is read", printable(path));
        const int filters = H5Pget_nfilters(created);
        for (int i = 0; i < filters; ++i) {
            unsigned flags = 0, config = 0;
            size_t values = 0;
            const H5Z_filter_t filter =
                H5Pget_filter2(created, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
            if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
                throw UserError("'{}' is packed by HDF5's filter {}; thaw knows gzip, shuffle and fletcher32",
                                printable(path), static_cast<int>(filter));
        }
        const hsize_t stored = H5Dget_storage_size(id);
        if (stored > file_bytes_ || (layout != H5D_CHUNKED && stored != bytes))
            throw UserError("'{}' has {} bytes of values in a file of {}, its shape needs {}; the file is damaged",
                            printable(path), stored, file_bytes_, bytes);
        if (layout != H5D_CHUNKED) return;
        std::array<hsize_t, kMostDimensions> extents{};
        const int rank = H5Pget_chunk(created, kMostDimensions, extents.data());
        std::uint64_t chunk = element;
        for (int d = 0; d < rank; ++d)
            if (__builtin_mul_overflow(chunk, extents[static_cast<std::size_t>(d)], &chunk) || chunk > most_bytes_)
                throw UserError("'{}' has larger chunks than the file can fill", printable(path));
    }

    void dataset(hid_t id, const std::string& path) {
        const Handle type(H5Dget_type(id), &H5Tclose, path), space(H5Dget_space(id), &H5Sclose, path);
        const H5T_class_t kind = H5Tget_class(type);
        if (kind != H5T_FLOAT && kind != H5T_INTEGER) return;  // texts beside the weights
        const hsize_t element = H5Tget_size(type);
        if (element > 8 || !std::has_single_bit(element))
            throw UserError("'{}' has elements of {} bytes", printable(path), element);
        const int rank = H5Sget_simple_extent_ndims(space);
        if (rank < 0 || H5Sget_simple_extent_type(space) == H5S_NULL) return;
        if (rank > static_cast<int>(kMostDimensions)) throw UserError("'{}' has {} dimensions", printable(path), rank);
        std::array<hsize_t, kMostDimensions> extents{};
        H5Sget_simple_extent_dims(space, extents.data(), nullptr);
        Hdf5Dataset found{path, {}, type_of(type, kind, element), {}};
        for (int d = 0; d < rank; ++d)
            found.shape.push_back(static_cast<std::int64_t>(extents[static_cast<std::size_t>(d)]));
        const auto count = static_cast<std::uint64_t>(element_count(found.shape));
        if (count > most_bytes_ / element || (bytes_ += count * sizeof(float)) > most_bytes_)
            throw UserError("'{}' of {} elements is more than a file of {} bytes can hold", printable(path), count,
                            file_bytes_);
        check_layout(id, path, count * element, element);
        found.values.resize(count);
        if (count > 0 && H5Dread(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, found.values.data()) < 0)
            damaged(path);
        visitor_.dataset(found);
    }

    /// Its place among kHdf5Types.
    static std::uint8_t type_of(hid_t type, H5T_class_t kind, hsize_t bytes) {
        const auto power = static_cast<std::uint8_t>(std::bit_width(bytes) - 1);  // of 1, 2, 4, 8 bytes
        if (kind == H5T_INTEGER) return static_cast<std::uint8_t>((H5Tget_sign(type) == H5T_SGN_NONE ? 8 : 4) + power);
        const bool brain = bytes == 2 && H5Tget_ebias(type) == 127;
        return bytes == 2 ? brain : power;  // F16 and BF16, else F32 and F64 at 2 and 3
    }

    void attributes(hid_t id, const std::string& path) {
        const int count = H5Aget_num_attrs(id);
        for (int i = 0; i < count; ++i) {
            const Handle attribute(H5Aopen_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_NATIVE, static_cast<hsize_t>(i),
                                                  H5P_DEFAULT, H5P_DEFAULT),
                                   &H5Aclose, path);
            std::array<char, 256> name{};
            if (H5Aget_name(attribute, name.size(), name.data()) < 0) damaged(path);
            if (is_wanted(name.data())) texts(attribute, path + "@" + name.data());
        }
    }

    /// What Keras names its layers and weights by; long lists are cut into NAME0, NAME1...
    static bool is_wanted(std::string_view name) {
        return name.starts_with("layer_names") || name.starts_with("weight_names") || name == "name";
    }

    void texts(hid_t attribute, const std::string& name) {
        const Handle type(H5Aget_type(attribute), &H5Tclose, name), space(H5Aget_space(attribute), &H5Sclose, name);
        const hssize_t count = H5Sget_simple_extent_npoints(space);
        const std::size_t size = H5Tget_size(type);
        std::vector<std::string> found;
        if (H5Tget_class(type) != H5T_STRING || count <= 0) return visitor_.attribute(name, found);
        if (size == 0 || static_cast<std::uint64_t>(count) > kMostTextBytesOfAttribute / size)
            throw UserError("'{}' claims {} texts", printable(name), count);
        const auto items = static_cast<std::size_t>(count);
        if (H5Tis_variable_str(type) > 0) {
            const Handle memory(H5Tcopy(H5T_C_S1), &H5Tclose, name);
            H5Tset_size(memory, H5T_VARIABLE);
            H5Tset_cset(memory, H5Tget_cset(type));
            std::vector<char*> pointers(items, nullptr);
            if (H5Aread(attribute, memory, pointers.data()) < 0) damaged(name);
            for (const char* text : pointers) found.emplace_back(text ? text : "");  // freed with the process
        } else {
            std::string bytes(items * size, '\0');
            if (H5Aread(attribute, type, bytes.data()) < 0) damaged(name);
            for (std::size_t i = 0; i < items; ++i)
                found.emplace_back(bytes.data() + i * size, ::strnlen(bytes.data() + i * size, size));
        }
        visitor_.attribute(name, found);
    }

    std::uint64_t file_bytes_, most_bytes_, bytes_ = 0, objects_ = 0;
    const Hdf5Visitor& visitor_;
};

}  // namespace

void walk_hdf5(std::span<const std::byte> image, std::uint64_t most_bytes, const Hdf5Visitor& visitor) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const Handle file(open_image(image), &H5Fclose, "the file's beginning");
    const Handle root(H5Gopen2(file, "/", H5P_DEFAULT), &H5Gclose, "the root group");
    Walk(image.size(), most_bytes, visitor).group(root, "", 0);
}

}  // namespace thaw
