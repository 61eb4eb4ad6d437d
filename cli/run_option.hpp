// Which run a command is about, and what it has on disk.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <string>

#include "results/query/find_results.hpp"

namespace thaw {

struct RunOption {
    std::string name, runs = "runs";

    void add_to(CLI::App& command) {
        command.add_option("run", name, "A sweep's name, its run folder, or its results.db")
            ->required()
            ->type_name("RUN");
        command.add_option("--runs", runs, "Where run folders lie")->capture_default_str();
    }
    std::filesystem::path database() const { return find_results(name, runs); }
};

}  // namespace thaw
