// SPDX-License-Identifier: MIT
//
// musl has the C library's functions with other locks. Its fork() since 1.2.2 takes the malloc lock
// and those of src/process/fork.c's atfork_locks (at_quick_exit, atexit, gettext, locale, random,
// sem_open, the list of open FILEs, syslog, timezone), aio's and the dynamic loader's; before,
// none. The lock of a FILE that another thread had stays that thread's.
#include "catalogue/provider_catalogue.h"

#include <algorithm>
#include <vector>

namespace forkmon {
namespace {

/// What stands in musl where glibc has this lock.
struct MuslLock {
  std::string_view glibc_lock;
  std::string_view lock;
  Repair repair;
};

/// A function whose lock is another one than that of its kin.
struct MuslFunction {
  std::string_view function;
  std::string_view lock;
  Repair repair;
};

// Without a lock of its own, a function is unsafe for the malloc in it, which is seen by itself.
constexpr std::string_view none = "none of its own in musl";

constexpr MuslLock locks[] = {
    {"main_arena mutex", "malloc lock", Repair::per_build},
    {"FILE lock", "FILE lock", Repair::no},
    {"_IO_list_lock and FILE locks", "list of open FILEs", Repair::per_build},
    {"envlock", none, Repair::yes},
    {"tzset_lock", "timezone lock", Repair::per_build},
    {"NSS database lock and resolv_conf lock", none, Repair::yes},
    {"NSS database lock", none, Repair::yes},
    {"__libc_utmp_lock", none, Repair::yes},
    {"__exit_funcs_lock", "atexit lock", Repair::per_build},
    {"_dl_load_lock", "dynamic loader's lock", Repair::per_build},
    {"_dl_load_write_lock", "dynamic loader's lock", Repair::per_build},
    {"__libc_setlocale_lock", "locale lock", Repair::per_build},
    {"unsafe_state lock", "random lock", Repair::per_build},
    {"syslog_lock", "syslog lock", Repair::per_build},
    {"__gconv_lock", none, Repair::yes},
    {"_nl_state_lock", "gettext lock", Repair::per_build},
    {"proc_file_chain_lock", "list of open FILEs", Repair::per_build},
    {"__aio_requests_mutex", "aio lock", Repair::per_build},
    {"__sem_mappings_lock", "sem_open lock", Repair::per_build},
    {"lock in sysdeps/posix/system.c", none, Repair::yes},
};

constexpr MuslFunction functions[] = {
    {"fclose", "FILE lock", Repair::no},
    {"fflush", "FILE lock", Repair::no},
    {"freopen", "FILE lock", Repair::no},
    {"exit", "atexit lock and FILE locks", Repair::no},
};

CatalogueEntry in_musl(CatalogueEntry entry) {
  const auto* lock = std::ranges::find(locks, entry.lock, &MuslLock::glibc_lock);
  if (lock != std::end(locks)) {
    entry.lock = lock->lock;
    entry.repair = lock->repair;
  }
  const auto* other = std::ranges::find(functions, entry.function, &MuslFunction::function);
  if (other != std::end(functions)) {
    entry.lock = other->lock;
    entry.repair = other->repair;
  }
  return entry;
}

std::vector<CatalogueEntry> all_in_musl() {
  std::vector<CatalogueEntry> all;
  std::ranges::transform(libc_catalogue(), std::back_inserter(all), in_musl);
  return all;
}

} // namespace

std::span<const CatalogueEntry> musl_catalogue() {
  static const std::vector<CatalogueEntry> all = all_in_musl();
  return all;
}

} // namespace forkmon
