// SPDX-License-Identifier: MIT
#include "correlate/advice.h"

namespace forkmon {
namespace {

constexpr std::string_view use_spawn =
    "In Python, start workers by spawn or forkserver (multiprocessing.set_start_method("
    "\"forkserver\"), or mp_context for concurrent.futures), or before the first thread starts.";
constexpr std::string_view no_preexec_fn =
    "In Python, do without preexec_fn: use start_new_session, process_group, user, group, umask, "
    "cwd or env of subprocess instead.";
constexpr std::string_view python_in_general =
    "In Python, use multiprocessing's spawn or forkserver, and subprocess without preexec_fn; "
    "call os.fork() before the first thread starts.";
constexpr std::string_view in_general =
    "A child that runs another program should be started by posix_spawn. For a child that runs "
    "this one, fork before the first thread starts, or start it afresh by exec.";

} // namespace

std::string_view fix_for(ForkPath path) {
  switch (path) {
  case ForkPath::process:
  case ForkPath::pool:
  case ForkPath::executor:
    return use_spawn;
  case ForkPath::preexec_fn:
    return no_preexec_fn;
  case ForkPath::python:
    return python_in_general;
  case ForkPath::native:
    break;
  }
  return in_general;
}

std::string advice_for_call(const std::string& hint, ForkPath path) {
  if (path == ForkPath::native)
    return hint;
  return hint.empty() ? std::string(fix_for(path)) : hint + " " + std::string(fix_for(path));
}

} // namespace forkmon
