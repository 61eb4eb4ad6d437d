// What the networks' originals say of them: golden/NAME.txt, lines of NETWORK WORD ...; and lists of thaw's own layers,
// which they have as a number of lines and a hash.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/backbones/backbones.hpp"
#include "common/util/fingerprint.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {

/// What follows "NETWORK WORD " on those lines of a golden file that begin with it.
inline std::vector<std::string> golden_lines(const std::string& file, const std::string& network,
                                             const std::string& word) {
    std::ifstream lines(std::string(THAW_SOURCE_DIR) + "/tests/common/backbones/golden/" + file);
    EXPECT_TRUE(lines) << "no golden file " << file;
    const std::string begin = network + " " + word + " ";
    std::vector<std::string> found;
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(begin)) found.push_back(line.substr(begin.size()));
    return found;
}

/// The list is the original's, of which the golden file has the number of lines and the beginning of the SHA-256. Where
/// it is not, it is left in a file that `script` shows the differences of.
inline void expect_original_list(const std::vector<std::string>& list, const std::string& file,
                                 const std::string& network, const std::string& word, const std::string& script) {
    const std::vector<std::string> expected = golden_lines(file, network, word);
    ASSERT_EQ(expected.size(), 1U) << network << " " << word << " in " << file;
    const TemporaryFolder folder;
    const std::filesystem::path written = folder / "list.txt";
    {
        std::ofstream out(written);
        for (const std::string& line : list) out << line << "\n";
    }
    constexpr std::size_t kDigits = 32;
    const std::string found = std::to_string(list.size()) + " " + sha256_file(written).substr(0, kDigits);
    if (found == expected[0]) return;
    const std::filesystem::path kept = std::filesystem::current_path() / (network + "_" + word + ".txt");
    std::filesystem::copy_file(written, kept, std::filesystem::copy_options::overwrite_existing);
    ADD_FAILURE() << network << " has other " << word << " than the original: " << found << ", not " << expected[0]
                  << ". To see which: tests/parity/" << script << " --diff " << network << " " << word << " " << kept;
}

/// thaw's layers that are one in Keras.
struct KerasGroup {
    int begin, end;
};

inline std::vector<KerasGroup> keras_groups(const LayerGraph& graph) {
    std::vector<KerasGroup> all;
    for (int i = 0; i < graph.top_begin; ++i)
        if (continues_counted_layer(graph, i))
            all.back().end = i + 1;
        else
            all.push_back({i, i + 1});
    return all;
}

/// What Keras calls the tensors of a group, in its order; `statistics`: also those that are never trained.
inline std::vector<std::string> weights_of(const LayerGraph& graph, const KerasGroup& group, bool statistics) {
    std::vector<std::string> names;
    const Layer &first = graph.layers[group.begin], &last = graph.layers[group.end - 1];
    if (first.kind == LayerKind::conv && last.kind == LayerKind::conv && group.end - group.begin == 2)
        return {"depthwise_kernel", "pointwise_kernel"};
    if (first.kind == LayerKind::conv) names.push_back("kernel");
    if (first.kind == LayerKind::conv && first.bias) names.push_back("bias");
    if (first.kind == LayerKind::batch_norm) {
        if (first.gamma) names.push_back("gamma");
        names.push_back("beta");
        if (statistics) names.insert(names.end(), {"moving_mean", "moving_variance"});
    }
    if (first.kind == LayerKind::normalize && statistics) names = {"mean", "variance", "count"};
    return names;
}

inline std::int64_t parameters_between(const LayerGraph& graph, int begin, int end) {
    std::int64_t sum = 0;
    for (int i = begin; i < end; ++i) sum += graph.layers[i].parameters;
    return sum;
}

/// KIND C H W PARAMETERS NAME [WEIGHT...] of each of Keras' layers without the top, as thaw has them.
inline std::vector<std::string> keras_layer_list(const LayerGraph& graph) {
    std::vector<std::string> list;
    for (const KerasGroup& group : keras_groups(graph)) {
        const Layer& last = graph.layers[group.end - 1];
        std::string line = fmt::format("{} {} {} {} {} {}", to_string(graph.layers[group.begin].kind),
                                       last.output.channels, last.output.height, last.output.width,
                                       parameters_between(graph, group.begin, group.end), last.keras);
        for (const std::string& weight : weights_of(graph, group, true)) line += " " + weight;
        list.push_back(line);
    }
    return list;
}

}  // namespace thaw
