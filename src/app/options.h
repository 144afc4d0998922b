// SPDX-License-Identifier: MIT
/// The command line and the configuration file.
#pragma once

#include "forkmon/finding.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace forkmon {

enum class Mode { agent, trace, check };
enum class Format { table, json };
enum class ProbePolicy { automatic, all, none };

/// What a finding must match to be printed: any pattern of each list that is not empty.
struct FilterOptions {
  std::vector<std::string> comms;   ///< glob(7), of the parent or the child
  std::vector<std::string> exes;    ///< glob, of the parent's path or its last component
  std::vector<std::string> cgroups; ///< glob, of the parent's cgroup path
  std::vector<uid_t> uids;
};

/// What the agent serves, and to whom.
struct WebOptions {
  std::string tls_cert;                ///< PEM file; empty: plain HTTP
  std::string tls_key;                 ///< PEM file
  std::string basic_auth_file;         ///< "user:hash" lines; empty: no password
  std::uint32_t max_label_values = 20; ///< executables that a metric tells apart
};

struct Options {
  Mode mode = Mode::agent;
  std::vector<std::string> command; ///< CMD and its arguments; empty without `-- CMD`
  std::optional<pid_t> pid;
  Format format = Format::json;
  std::string output; ///< a path; empty: the default of the mode
  ProbePolicy probe = ProbePolicy::automatic;
  double probe_budget = 1; ///< per cent of a CPU, for each process that `automatic` arms
  std::optional<std::size_t> ring_bytes; ///< a power of two; empty: the default of the mode
  bool bpf_stats = false;                ///< have the kernel measure what our BPF programs run
  std::optional<int> error_exitcode;
  Severity fail_severity = Severity::warning;
  bool all = false;
  std::uint32_t stack_bytes = 16384;    ///< copied of a stack at a first call; 0: no stacks
  std::optional<double> stack_interval; ///< seconds; empty: the default of the mode
  FilterOptions filters;
  std::string user;
  std::string listen = "127.0.0.1:9877";
  WebOptions web;
  std::string config_file; ///< that was read; empty: none
};

/// Options to run with, or the exit status of a call that is done (--help, or wrong usage, which
/// has been explained on stderr).
std::variant<Options, int> parse_options(int argc, char** argv);

} // namespace forkmon
