// SPDX-License-Identifier: MIT
#include "catalogue/provider_catalogue.h"

#include <vector>

namespace forkmon {
namespace {

using Names = std::string_view[];

constexpr Names no_prefix = {""};

// What the file of a static executable tells it by: both are part of every program's start.
constexpr Names glibc_sonames = {"libc.so.6"};
constexpr Names glibc_marks = {"__libc_setup_tls"};
constexpr Names musl_sonames = {"libc.musl-*.so.1", "ld-musl-*.so.1"};
constexpr Names musl_marks = {"__init_libc", "__dls2b"};

constexpr Forward all_forwards[] = {
    {"_Znwm", "malloc"},
    {"_Znam", "_Znwm"},
    {"_Znam", "malloc"},
    {"_ZnwmRKSt9nothrow_t", "_Znwm"},
    {"_ZnwmRKSt9nothrow_t", "malloc"},
    {"_ZnamRKSt9nothrow_t", "_ZnwmRKSt9nothrow_t"},
    {"_ZnamRKSt9nothrow_t", "_Znam"},
    {"_ZnwmSt11align_val_t", "aligned_alloc"},
    {"_ZnamSt11align_val_t", "aligned_alloc"},
    {"_ZnamSt11align_val_t", "_ZnwmSt11align_val_t"},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", "aligned_alloc"},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnwmSt11align_val_t"},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", "aligned_alloc"},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", "_ZnwmSt11align_val_tRKSt9nothrow_t"},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", "_ZnamSt11align_val_t"},
    {"_ZdlPv", "free"},
    {"_ZdaPv", "free"},
    {"_ZdaPv", "_ZdlPv"},
    {"_ZdlPvm", "free"},
    {"_ZdlPvm", "_ZdlPv"},
    {"_ZdaPvm", "free"},
    {"_ZdaPvm", "_ZdaPv"},
    {"_ZdlPvRKSt9nothrow_t", "free"},
    {"_ZdlPvRKSt9nothrow_t", "_ZdlPv"},
    {"_ZdaPvRKSt9nothrow_t", "free"},
    {"_ZdaPvRKSt9nothrow_t", "_ZdaPv"},
    {"_ZdlPvSt11align_val_t", "free"},
    {"_ZdaPvSt11align_val_t", "free"},
    {"_ZdaPvSt11align_val_t", "_ZdlPvSt11align_val_t"},
    {"_ZdlPvmSt11align_val_t", "free"},
    {"_ZdlPvmSt11align_val_t", "sdallocx"},
    {"_ZdlPvmSt11align_val_t", "_ZdlPvSt11align_val_t"},
    {"_ZdaPvmSt11align_val_t", "free"},
    {"_ZdaPvmSt11align_val_t", "sdallocx"},
    {"_ZdaPvmSt11align_val_t", "_ZdaPvSt11align_val_t"},
    {"calloc", "malloc"},
    {"reallocarray", "realloc"},
    {"posix_memalign", "aligned_alloc"},
    {"memalign", "aligned_alloc"},
    {"valloc", "memalign"},
    {"valloc", "aligned_alloc"},
    {"pvalloc", "memalign"},
    {"pvalloc", "valloc"},
    {"cfree", "free"},
    {"GOMP_barrier", "__kmpc_barrier"},
    {"__kmpc_critical", "__kmpc_critical_with_hint"},
};

std::vector<Provider> all_providers() {
  std::vector<Provider> all(allocator_providers().begin(), allocator_providers().end());
  all.push_back(
      {"glibc", ProviderKind::libc, glibc_sonames, glibc_marks, no_prefix, libc_catalogue()});
  all.push_back(
      {"musl", ProviderKind::libc, musl_sonames, musl_marks, no_prefix, musl_catalogue()});
  all.insert(all.end(), library_providers().begin(), library_providers().end());
  return all;
}

} // namespace

std::span<const Provider> providers() {
  static const std::vector<Provider> all = all_providers();
  return all;
}

std::span<const Forward> forwards() {
  return all_forwards;
}

} // namespace forkmon
