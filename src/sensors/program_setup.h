// SPDX-License-Identifier: MIT
/// What is decided between opening the BPF programs and loading them.
#pragma once

#include "sensors/bpf_programs.h"
#include "sensors/kernel_features.h"
#include "util/result.h"

struct forkmon_bpf; ///< the opened programs and maps: forkmon.skel.h

namespace forkmon {

/// Puts in the settings, and leaves out what the kernel does not have. Error: they cannot work in
/// this pid namespace.
Status set_up(const BpfSettings& settings, const KernelFeatures& kernel, forkmon_bpf& skeleton);

} // namespace forkmon
