// SPDX-License-Identifier: MIT
#include "forkmon/finding.h"

namespace forkmon {

const char* to_string(Severity severity) {
  switch (severity) {
  case Severity::info:
    return "info";
  case Severity::warning:
    return "warning";
  case Severity::high:
    return "high";
  case Severity::critical:
    return "critical";
  }
  return "unknown";
}

const char* to_string(Evidence evidence) {
  switch (evidence) {
  case Evidence::uprobe:
    return "uprobe";
  case Evidence::page_fault:
    return "page_fault";
  }
  return "unknown";
}

const char* to_string(Outcome outcome) {
  switch (outcome) {
  case Outcome::exec:
    return "exec";
  case Outcome::exit:
    return "exit";
  case Outcome::signal:
    return "signal";
  case Outcome::alive:
    return "alive";
  }
  return "unknown";
}

const char* to_string(LockKind kind) {
  switch (kind) {
  case LockKind::mutex:
    return "mutex";
  case LockKind::semaphore:
    return "semaphore";
  case LockKind::unknown:
    return "unknown";
  case LockKind::rwlock:
    return "rwlock";
  case LockKind::condition:
    return "condition";
  case LockKind::once:
    return "once";
  case LockKind::guard:
    return "guard";
  case LockKind::file:
    return "file";
  case LockKind::arena:
    return "arena";
  case LockKind::loader:
    return "loader";
  case LockKind::libc:
    return "libc";
  case LockKind::rust_mutex:
    return "rust_mutex";
  case LockKind::absl:
    return "absl";
  case LockKind::go_runtime:
    return "go_runtime";
  }
  return "unknown";
}

const char* to_string(Remedy remedy) {
  switch (remedy) {
  case Remedy::kill_child:
    return "kill_child";
  case Remedy::restart_parent:
    return "restart_parent";
  case Remedy::release_lock:
    return "release_lock";
  case Remedy::look_first:
    return "look_first";
  }
  return "unknown";
}

} // namespace forkmon
