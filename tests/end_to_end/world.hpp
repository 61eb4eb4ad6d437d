// The processes of an MPI world as /proc shows them.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace thaw {

struct ProcessState {
    int parent = 0;
    char state = 'X';  // R running, T stopped, Z dead but not waited for, X none
};

inline ProcessState state_of(int process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    if (!std::getline(file, text)) return {};
    ProcessState found;
    std::istringstream(text.substr(text.rfind(')') + 1)) >> found.state >> found.parent;
    return found;
}

/// Children and children's children, but for threads' helpers that have ended.
inline std::vector<int> descendants_of(int process) {
    std::map<int, int> parents;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const ProcessState found = state_of(std::stoi(name));
        if (found.state != 'Z' && found.state != 'X') parents[std::stoi(name)] = found.parent;
    }
    std::vector<int> found;
    for (const auto& [child, parent] : parents) {
        int above = parent;
        while (above != process && parents.contains(above)) above = parents.at(above);
        if (above == process) found.push_back(child);
    }
    return found;
}

/// Whether all of them have ended before that time is over.
inline bool all_end(const std::vector<int>& processes, std::chrono::duration<double> within) {
    const auto end = std::chrono::steady_clock::now() + within;
    for (const int process : processes) {
        for (;;) {
            const char state = state_of(process).state;
            if (state == 'Z' || state == 'X') break;
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    return true;
}

}  // namespace thaw
