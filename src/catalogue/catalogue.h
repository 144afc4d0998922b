// SPDX-License-Identifier: MIT
/// The table of async-signal-unsafe functions.
#pragma once

#include "forkmon/finding.h"

#include <span>
#include <string_view>

namespace forkmon {

enum class Category {
  allocator = 1,
  stdio,
  locks,
  threads,
  environment,
  time,
  name_service,
  users,
  process_exit,
  dynamic_loading,
  locale,
  random,
  syslog,
  directory,
  conversion,
  messages,
  terminal,
  process_creation,
};

/// How often programs call a function: the hot tier can be disarmed alone when it costs too much.
enum class Tier { hot = 1, cold = 2 };

/// Whether the library makes the lock at stake usable again in the child of fork().
/// Source: sysdeps/nptl/fork.h and posix/fork.c of glibc.
enum class Repair {
  no = 1,      ///< nobody does
  yes,         ///< taken before and released or reset after, by fork() (not by _Fork or clone)
  since_2_41,  ///< by glibc's fork() since 2.41
  application, ///< the lock is the application's own
};

/// One async-signal-unsafe function.
struct CatalogueEntry {
  std::string_view function; ///< symbol in the dynamic symbol table
  Category category;
  Tier tier;
  std::string_view lock; ///< the lock or state at stake, as the library's source names it
  Repair repair;
  std::string_view hint; ///< what to do instead, a sentence
};

/// All functions of the C library, in the order in which findings should prefer their names where
/// several name one address.
std::span<const CatalogueEntry> libc_catalogue();

/// A glibc release; {0, 0} where it is not known.
struct LibcVersion {
  int major = 0;
  int minor = 0;
};

/// Does this libc repair the entry's lock in the child of fork()?
bool is_repaired(const CatalogueEntry& entry, LibcVersion libc);

/// The severity of a call, from who repairs the lock (docs/findings.md).
Severity severity_of(const CatalogueEntry& entry, LibcVersion libc);

/// The contract's spelling ("name service" is `name_service`).
std::string_view to_string(Category category);

} // namespace forkmon
