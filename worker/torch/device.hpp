// The device that worker code computes on: chosen once a process, before any work.
#pragma once

#include <string>

namespace thaw {

/// `wanted`: auto (a GPU where there is one), cpu or cuda. Ranks of one host take one GPU each, in their order. Throws
/// UserError where a GPU is asked for and there is none.
void choose_device(const std::string& wanted, int local_rank = 0);

/// Until choose_device() has been called all is on the CPU.
bool on_gpu();
int gpu_index();
std::string device_name();  // "cpu", "cuda:1"

}  // namespace thaw
