// SPDX-License-Identifier: MIT
/// The table of async-signal-unsafe functions.
#pragma once

#include "forkmon/finding.h"
#include "forkmon/probe_usage.h"

#include <optional>
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
  openmp,
  crypto,
  network,
  blas,
  database,
  rpc,
};

/// Whether the library makes the lock at stake usable again in the child of fork().
/// Source: sysdeps/nptl/fork.h and posix/fork.c of glibc.
enum class Repair {
  no = 1,      ///< nobody does
  yes,         ///< taken before and released or reset after, by fork() (not by _Fork or clone)
  since_2_41,  ///< by glibc's fork() since 2.41
  application, ///< the lock is the application's own
  /// By some builds: an allocator that registers at-fork handlers, or a musl whose fork() takes
  /// the locks. The file's own symbols say which (libraries/at_fork.h).
  per_build,
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

/// Is the entry's lock repaired in the child of fork(), by this libc or, with Repair::per_build, by
/// this build of the library?
bool is_repaired(const CatalogueEntry& entry, LibcVersion libc, bool build_repairs = false);

/// The severity of a call, from who repairs the lock (docs/findings.md).
Severity severity_of(const CatalogueEntry& entry, LibcVersion libc, bool build_repairs = false);

/// The contract's spelling ("name service" is `name_service`).
std::string_view to_string(Category category);

/// The category of that spelling; nothing where there is none.
std::optional<Category> parse_category(std::string_view name);

} // namespace forkmon
