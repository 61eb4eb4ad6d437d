// Runs the real thaw program as a user does, and makes up a folder of images for it.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace thaw {

using Words = std::vector<std::string>;

struct Ended {
    int exit_code;  // or minus the signal that ended it
    std::string output, errors;
};

inline std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// A program that runs beside the test; what it prints goes to files in `scratch`.
class Process {
  public:
    Process(const std::filesystem::path& scratch, const Words& command)
        : output_(scratch / "stdout"), errors_(scratch / "stderr"), id_(::fork()) {
        if (id_ < 0) throw std::runtime_error("fork");
        if (id_ > 0) return;
        ::setpgid(0, 0);  // so that a kill takes mpirun's children too
        ::dup2(::open(output_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), STDOUT_FILENO);
        ::dup2(::open(errors_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), STDERR_FILENO);
        std::vector<char*> words;
        for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
        words.push_back(nullptr);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }
    ~Process() {
        if (ended_) return;
        ::kill(-id_, SIGKILL);
        wait();
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    int id() const { return id_; }
    void send(int signal) { ::kill(id_, signal); }
    /// As the keys of a terminal do.
    void send_to_group(int signal) { ::kill(-id_, signal); }
    bool running() {
        if (!ended_ && ::waitpid(id_, &status_, WNOHANG) == id_) ended_ = true;
        return !ended_;
    }
    Ended wait() {
        if (!ended_) ::waitpid(id_, &status_, 0);
        ended_ = true;
        return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_), text_of(output_), text_of(errors_)};
    }

  private:
    std::filesystem::path output_, errors_;
    pid_t id_;
    int status_ = 0;
    bool ended_ = false;
};

/// FOLDER/{circle,square,triangle}/NN.png: coloured shapes on noise, another place and size in each.
inline void draw_shapes(const std::filesystem::path& folder, int per_class = 12, int side = 40) {
    const Words classes = {"circle", "square", "triangle"};
    cv::RNG random(11);
    for (std::size_t label = 0; label < classes.size(); ++label) {
        std::filesystem::create_directories(folder / classes[label]);
        for (int i = 0; i < per_class; ++i) {
            cv::Mat image(side, side, CV_8UC3);
            random.fill(image, cv::RNG::UNIFORM, 0, 90);
            const cv::Point centre(random.uniform(side / 3, 2 * side / 3), random.uniform(side / 3, 2 * side / 3));
            const int radius = random.uniform(side / 6, side / 3);
            const cv::Scalar colour(random.uniform(120, 255), random.uniform(120, 255), random.uniform(120, 255));
            if (label == 0) cv::circle(image, centre, radius, colour, cv::FILLED);
            if (label == 1)
                cv::rectangle(image, centre - cv::Point(radius, radius), centre + cv::Point(radius, radius), colour,
                              cv::FILLED);
            if (label == 2)
                cv::fillConvexPoly(
                    image,
                    std::vector<cv::Point>{centre + cv::Point(0, -radius), centre + cv::Point(radius, radius),
                                           centre + cv::Point(-radius, radius)},
                    colour);
            std::string number = std::to_string(i);
            if (i < 10) number.insert(0, "0");
            cv::imwrite((folder / classes[label] / (number + ".png")).string(), image);
        }
    }
}

}  // namespace thaw
