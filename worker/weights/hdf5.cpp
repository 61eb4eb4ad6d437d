#include "worker/weights/hdf5.hpp"

#include "common/util/error.hpp"
#include "worker/weights/confined_child.hpp"
#include "worker/weights/element_type.hpp"
#include "worker/weights/hdf5_walk.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

constexpr std::uint64_t kMostNameBytes = 8192, kMostTexts = 200000, kMostTextBytesOfFile = 64 << 20;

enum class Word : std::uint8_t { tensor, texts, error, end };

/// The child's side of the pipe: numbers as they are in memory, texts behind their length.
class Teller {
  public:
    explicit Teller(int pipe) : pipe_(pipe) {}
    template <typename Number>
    void number(Number value) {
        write_or_exit(pipe_, &value, sizeof value);
    }
    void text(const std::string& text) {
        number(std::uint64_t{text.size()});
        write_or_exit(pipe_, text.data(), text.size());
    }
    void floats(const std::vector<float>& values) {
        write_or_exit(pipe_, values.data(), values.size() * sizeof(float));
    }

  private:
    int pipe_;
};

void tell_all(std::span<const std::byte> image, int pipe) {
    Teller teller(pipe);
    try {
        walk_hdf5(image, most_hdf5_bytes(image.size()),
                  {.dataset =
                       [&](const Hdf5Dataset& found) {
                           teller.number(Word::tensor);
                           teller.text(found.path);
                           teller.number(found.type);
                           teller.number(std::uint64_t{found.shape.size()});
                           for (const std::int64_t extent : found.shape) teller.number(extent);
                           teller.floats(found.values);
                       },
                   .attribute =
                       [&](const std::string& name, const std::vector<std::string>& texts) {
                           teller.number(Word::texts);
                           teller.text(name);
                           teller.number(std::uint64_t{texts.size()});
                           for (const std::string& text : texts) teller.text(text);
                       }});
        teller.number(Word::end);
    } catch (const UserError& error) {
        teller.number(Word::error);
        teller.text(error.what());
    } catch (const std::bad_alloc&) {
        teller.number(Word::error);
        teller.text("damaged or hostile: reading it takes more memory than its size allows");
    }
}

/// This process's side. The child may have been taken over by what it read: nothing it says is taken on trust.
class Listener {
  public:
    Listener(ConfinedChild& child, std::uint64_t most_bytes)
        : child_(child), most_elements_(most_bytes / sizeof(float)) {}

    template <typename Number>
    Number number() {
        Number value{};
        child_.read(&value, sizeof value);
        return value;
    }
    std::string text() {
        const auto size = number<std::uint64_t>();
        if (size > kMostNameBytes || (text_bytes_ += size) > kMostTextBytesOfFile) refuse();
        std::string text(size, '\0');
        child_.read(text.data(), size);
        return text;
    }
    HostTensor tensor() {
        HostTensor tensor;
        const auto type = number<std::uint8_t>();
        if (type >= std::size(kHdf5Types)) refuse();
        tensor.stored_as = kHdf5Types[type];
        const auto rank = number<std::uint64_t>();
        if (rank > kMostDimensions) refuse();
        for (std::uint64_t d = 0; d < rank; ++d) tensor.shape.push_back(number<std::int64_t>());
        const auto count = static_cast<std::uint64_t>(element_count(tensor.shape));
        if (count > most_elements_ || (elements_ += count) > most_elements_) refuse();
        tensor.values.resize(count);
        child_.read(tensor.values.data(), count * sizeof(float));
        return tensor;
    }
    std::vector<std::string> texts() {
        const auto count = number<std::uint64_t>();
        if ((texts_ += count) > kMostTexts || count > kMostTexts) refuse();
        std::vector<std::string> texts;
        for (std::uint64_t i = 0; i < count; ++i) texts.push_back(text());
        return texts;
    }

  private:
    [[noreturn]] static void refuse() { throw UserError("damaged or hostile: it has more in it than its size allows"); }

    ConfinedChild& child_;
    std::uint64_t most_elements_, elements_ = 0, text_bytes_ = 0, texts_ = 0;
};

}  // namespace

Hdf5Content read_hdf5(std::span<const std::byte> image) {
    const std::uint64_t most = most_hdf5_bytes(image.size());
    // Ten times what honest files take. Damaged ones may keep the library searching for ever.
    constexpr std::uint64_t kLibraryBytes = 256 << 20, kSlowestBytesPerSecond = 4 << 20;
    const ChildLimits limits{2 * most + kLibraryBytes,
                             static_cast<unsigned>(2 + image.size() / kSlowestBytesPerSecond)};
    ConfinedChild child(limits, [&](int pipe) { tell_all(image, pipe); });
    Listener listener(child, most);
    Hdf5Content content;
    while (true) {
        switch (listener.number<Word>()) {
            case Word::tensor: {
                const std::string path = listener.text();
                content.datasets[path] = listener.tensor();
                break;
            }
            case Word::texts: {
                const std::string name = listener.text();
                content.texts[name] = listener.texts();
                break;
            }
            case Word::error:
                throw UserError("{}", printable(listener.text(), 1000));
            case Word::end:
                return content;
            default:
                throw UserError("damaged or hostile: what read it speaks in riddles");
        }
    }
}

}  // namespace thaw
