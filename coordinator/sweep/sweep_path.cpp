#include "coordinator/sweep/sweep_path.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace thaw {
namespace {

bool is_variable_name(const std::string& text) {
    const auto fits = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

/// What stands between ${ and }.
std::string variable(const std::string& inside) {
    const std::size_t dash = inside.find(":-");
    const std::string name = inside.substr(0, dash);
    if (!is_variable_name(name))
        throw UserError("'${{{}}}' names no variable; write ${{NAME}} or ${{NAME:-default}}", inside);
    const char* value = std::getenv(name.c_str());
    if (value && (*value || dash == std::string::npos)) return value;
    if (dash == std::string::npos)
        throw UserError("the environment variable {} is not set; set it or write ${{{}:-default}}", name, name);
    return inside.substr(dash + 2);
}

}  // namespace

std::string substitute_environment(const std::string& text) {
    std::string result;
    std::size_t done = 0;
    for (std::size_t begin; (begin = text.find("${", done)) != std::string::npos;) {
        if (begin > done && text[begin - 1] == '$') {  // $${ stands for ${
            result += text.substr(done, begin - 1 - done) + "${";
            done = begin + 2;
            continue;
        }
        const std::size_t end = text.find('}', begin);
        if (end == std::string::npos) throw UserError("'{}' has no closing brace; write ${{NAME}}", text.substr(begin));
        result += text.substr(done, begin - done) + variable(text.substr(begin + 2, end - begin - 2));
        done = end + 1;
    }
    return result + text.substr(done);
}

std::filesystem::path read_path(const YamlReader& reader, const YAML::Node& node, const std::string& what) {
    const std::string written = reader.text(node, what);
    const std::string text = reader.at(node, [&] {
        return substitute_environment(written.starts_with("~/") ? "${HOME}" + written.substr(1) : written);
    });
    if (text.empty()) reader.fail(node, "{} is empty once its variables are replaced; a path is needed", what);
    const std::filesystem::path base = std::filesystem::absolute(reader.source().file).parent_path();
    return (base / text).lexically_normal();
}

}  // namespace thaw
