#include "worker/weights/download.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/file_lock.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30;  // the largest weights there are have 0.6 GB

/// What has come so far, in a file beside the one that is wanted.
class PartialFile {
  public:
    explicit PartialFile(const fs::path& wanted)
        : path_(wanted.parent_path() / ("." + wanted.filename().string() + ".part")), validator_path_(path_) {
        validator_path_ += ".of";
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (descriptor_ < 0) throw UserError("{} cannot be written: {}", path_.string(), std::strerror(errno));
        struct stat status {};
        ::fstat(descriptor_, &status);
        std::error_code none;
        if (status.st_size > 0 && fs::exists(validator_path_, none)) validator_ = read_file(validator_path_);
        if (validator_.empty())
            begin_anew("");
        else
            bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
    ~PartialFile() { ::close(descriptor_); }
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;

    std::uint64_t bytes() const { return bytes_; }
    /// By which the server knows the file whose beginning this is; empty where there is none or it did not say.
    const std::string& validator() const { return validator_; }
    const fs::path& path() const { return path_; }

    void begin_anew(const std::string& validator) {
        if (::ftruncate(descriptor_, 0) != 0) refuse();
        bytes_ = 0;
        validator_ = validator;
        write_file(validator_path_, validator_);
    }
    bool append(const char* data, std::size_t count) {
        while (count > 0) {
            const ssize_t written = ::pwrite(descriptor_, data, count, static_cast<off_t>(bytes_));
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) {
                error_ = errno;
                return false;
            }
            data += written;
            bytes_ += static_cast<std::uint64_t>(written);
            count -= static_cast<std::size_t>(written);
        }
        return true;
    }
    /// Of the write that failed, if one did.
    void check_written() const {
        if (error_ != 0) throw UserError("{} cannot be written: {}", path_.string(), std::strerror(error_));
    }
    void rename_to(const fs::path& wanted) {
        if (::fsync(descriptor_) != 0) refuse();
        fs::rename(path_, wanted);
        remove();
    }
    void remove() {
        std::error_code ignored;
        fs::remove(path_, ignored);
        fs::remove(validator_path_, ignored);
    }

  private:
    [[noreturn]] void refuse() const {
        throw UserError("{} cannot be written: {}", path_.string(), std::strerror(errno));
    }

    fs::path path_, validator_path_;
    int descriptor_ = -1, error_ = 0;
    std::uint64_t bytes_ = 0;
    std::string validator_;
};

/// The value of "NAME: VALUE\r\n", where that is the header's name.
std::optional<std::string> header_value(std::string_view line, std::string_view name) {
    const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        !std::equal(name.begin(), name.end(), line.begin(), [&](char b, char a) { return same(a, b); }))
        return std::nullopt;
    line.remove_prefix(name.size() + 1);
    const std::size_t begin = line.find_first_not_of(" \t"), end = line.find_last_not_of(" \t\r\n");
    return begin == line.npos ? "" : std::string(line.substr(begin, end - begin + 1));
}

/// One request and its answer.
class Transfer {
  public:
    Transfer(const Download& wanted, PartialFile& file) : wanted_(wanted), file_(file) {}

    CURLcode run() {
        static const CURLcode initialized = ::curl_global_init(CURL_GLOBAL_DEFAULT);
        const std::unique_ptr<CURL, void (*)(CURL*)> curl(::curl_easy_init(), &::curl_easy_cleanup);
        if (initialized != CURLE_OK || !curl) throw UserError("libcurl cannot be used");
        curl_ = curl.get();
        std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, &::curl_slist_free_all);
        resumed_from_ = file_.validator().empty() ? 0 : file_.bytes();
        if (resumed_from_ > 0) {
            ::curl_easy_setopt(curl_, CURLOPT_RANGE, (std::to_string(resumed_from_) + "-").c_str());
            headers.reset(::curl_slist_append(nullptr, ("If-Range: " + file_.validator()).c_str()));
            ::curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers.get());
        }
        const char* protocols = wanted_.address.starts_with("https:") ? "https" : "http,https";
        ::curl_easy_setopt(curl_, CURLOPT_URL, wanted_.address.c_str());
        ::curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, protocols);
        ::curl_easy_setopt(curl_, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
        ::curl_easy_setopt(curl_, CURLOPT_FOLLOWLOCATION, 1L);
        ::curl_easy_setopt(curl_, CURLOPT_MAXREDIRS, 5L);
        ::curl_easy_setopt(curl_, CURLOPT_USERAGENT, "thaw");
        ::curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
        ::curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT, static_cast<long>(wanted_.patience.count()));
        ::curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, 1L);
        ::curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(wanted_.patience.count()));
        ::curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, &on_header);
        ::curl_easy_setopt(curl_, CURLOPT_HEADERDATA, this);
        ::curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &on_data);
        ::curl_easy_setopt(curl_, CURLOPT_WRITEDATA, this);
        const CURLcode code = ::curl_easy_perform(curl_);
        ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status_);
        curl_ = nullptr;
        return code;
    }

    long status() const { return status_; }
    std::uint64_t total() const { return total_; }

  private:
    static std::size_t on_header(char* data, std::size_t, std::size_t count, void* self) {
        static_cast<Transfer*>(self)->header({data, count});
        return count;
    }
    static std::size_t on_data(char* data, std::size_t, std::size_t count, void* self) {
        return static_cast<Transfer*>(self)->data(data, count) ? count : 0;
    }

    void header(std::string_view line) {
        if (line.starts_with("HTTP/")) {  // also each redirection's
            etag_.clear();
            modified_.clear();
            range_begin_ = total_ = 0;
        }
        if (const auto value = header_value(line, "etag"); value && !value->starts_with("W/")) etag_ = *value;
        if (const auto value = header_value(line, "last-modified")) modified_ = *value;
        if (const auto value = header_value(line, "content-range"); value && value->starts_with("bytes ")) {
            std::from_chars(value->data() + 6, value->data() + value->size(), range_begin_);
            if (const std::size_t slash = value->find('/'); slash != value->npos)
                std::from_chars(value->data() + slash + 1, value->data() + value->size(), total_);
        }
        if (const auto value = header_value(line, "content-length"); value && total_ == 0)
            std::from_chars(value->data(), value->data() + value->size(), total_);
    }

    /// Where the content's first bytes go: behind what is there, if the server goes on from there; else it is another
    /// file now, or the server knows no ranges.
    bool place() {
        ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status_);
        if (status_ == 206) return resumed_from_ > 0 && range_begin_ == resumed_from_;
        if (status_ == 200) file_.begin_anew(etag_.empty() ? modified_ : etag_);
        return status_ == 200;
    }

    bool data(const char* data, std::size_t count) {
        if (!placed_ && !(placed_ = place())) return false;
        if (file_.bytes() + count > kMostBytes || !file_.append(data, count)) return false;
        if (wanted_.progress) wanted_.progress(file_.bytes(), total_);
        return true;
    }

    const Download& wanted_;
    PartialFile& file_;
    CURL* curl_ = nullptr;
    bool placed_ = false;
    long status_ = 0;
    std::string etag_, modified_;
    std::uint64_t resumed_from_ = 0, range_begin_ = 0, total_ = 0;
};

std::string by_hand(const Download& wanted) {
    return fmt::format("; or fetch {} elsewhere and put it into {}", wanted.address,
                       wanted.path.parent_path().string());
}

/// Whether another attempt may help. Throws UserError where none will.
bool may_succeed_later(const Download& wanted, CURLcode code, const Transfer& transfer, PartialFile& file) {
    file.check_written();
    const long status = transfer.status();
    if (status == 416) {  // what is there is not the beginning of what the server has
        file.begin_anew("");
        return true;
    }
    if (status >= 400 && status != 408 && status != 429 && status < 500)
        throw UserError("{} is not to be had: the server says {}{}", wanted.address, status, by_hand(wanted));
    if (file.bytes() >= kMostBytes)
        throw UserError("{} is larger than any weight file: it was left at {} bytes", wanted.address, file.bytes());
    switch (code) {
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_TOO_MANY_REDIRECTS:
        case CURLE_PEER_FAILED_VERIFICATION:
            throw UserError("{} cannot be fetched: {}", wanted.address, ::curl_easy_strerror(code));
        default:
            return true;
    }
}

[[noreturn]] void give_up(const Download& wanted, CURLcode code, const Transfer& transfer, const PartialFile& file) {
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT)
        throw UserError("{} cannot be reached ({}). Offline? Try again later{}", wanted.address,
                        ::curl_easy_strerror(code), by_hand(wanted));
    const std::string reason =
        code == CURLE_OK ? fmt::format("the server says {}", transfer.status()) : ::curl_easy_strerror(code);
    const std::string total = transfer.total() > 0 ? fmt::format(" of {}", transfer.total()) : "";
    throw UserError("{} broke off ({}) with {}{} bytes here; the same command goes on from there{}", wanted.address,
                    reason, file.bytes(), total, by_hand(wanted));
}

void fetch(const Download& wanted, PartialFile& file) {
    auto pause = wanted.pause;
    for (int attempt = 1;; ++attempt) {
        Transfer transfer(wanted, file);
        const CURLcode code = transfer.run();
        if (code == CURLE_OK && (transfer.status() == 200 || transfer.status() == 206)) return;
        if (!may_succeed_later(wanted, code, transfer, file) || attempt >= wanted.attempts)
            give_up(wanted, code, transfer, file);
        std::this_thread::sleep_for(pause);
        pause *= 2;
    }
}

bool is_right(const Download& wanted, const fs::path& path) {
    try {
        wanted.check(path);
        return true;
    } catch (const UserError&) {
        return false;
    }
}

}  // namespace

void download(const Download& wanted) {
    const fs::path folder = wanted.path.parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || ::access(folder.c_str(), W_OK) != 0)
        throw UserError("the folder {} cannot be written; choose another with --weights-dir", folder.string());
    const FileLock alone = FileLock::wait(folder / ("." + wanted.path.filename().string() + ".lock"));
    if (fs::exists(wanted.path, error) && is_right(wanted, wanted.path)) return;
    PartialFile file(wanted.path);
    fetch(wanted, file);
    try {
        wanted.check(file.path());
    } catch (const UserError& wrong) {
        const std::uint64_t bytes = file.bytes();
        file.remove();
        throw UserError("what {} sent, {} bytes, is not what it should be, and was thrown away: {}{}", wanted.address,
                        bytes, wrong.what(), by_hand(wanted));
    }
    file.rename_to(wanted.path);
}

}  // namespace thaw
