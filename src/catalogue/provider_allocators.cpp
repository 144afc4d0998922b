// SPDX-License-Identifier: MIT
//
// Allocators other than the C library's. Which of them handle fork is decided by the build:
// jemalloc and gperftools register at-fork handlers where they were built to, google/tcmalloc and
// mimalloc never do.
#include "catalogue/provider_catalogue.h"

namespace forkmon {
namespace {

using C = Category;
using T = Tier;
using R = Repair;
using Names = std::string_view[];

constexpr std::string_view arenas = "jemalloc's arena, bin and extent mutexes";
constexpr std::string_view ctl = "jemalloc's ctl_mtx and every arena's mutexes";
constexpr std::string_view central = "tcmalloc's central free list and page heap SpinLocks";
constexpr std::string_view delayed = "mimalloc's delayed-free flags, which threads spin on";
constexpr std::string_view heap = "the allocator's own locks";

constexpr std::string_view h_alloc =
    "Allocate before fork, or exec at once: use posix_spawn. An allocator without at-fork handlers "
    "leaves its locks as they were.";

// Where several share an address, the name to report comes first: C before C++, new before new[].
// clang-format off
constexpr CatalogueEntry jemalloc_functions[] = {
  {"malloc", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"free", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"calloc", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"realloc", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"posix_memalign", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"aligned_alloc", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"memalign", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"valloc", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"pvalloc", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"free_sized", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"free_aligned_sized", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"mallocx", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"rallocx", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"xallocx", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"dallocx", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"sdallocx", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"mallctl", C::allocator, T::cold, ctl, R::per_build, h_alloc},
  {"mallctlbymib", C::allocator, T::cold, ctl, R::per_build, h_alloc},
  {"malloc_stats_print", C::allocator, T::cold, ctl, R::per_build, h_alloc},
  {"_Znwm", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_Znam", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_ZnwmRKSt9nothrow_t", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_ZnamRKSt9nothrow_t", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZnamSt11align_val_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZnamSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZdlPv", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_ZdaPv", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_ZdlPvm", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_ZdaPvm", C::allocator, T::hot, arenas, R::per_build, h_alloc},
  {"_ZdlPvRKSt9nothrow_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZdaPvRKSt9nothrow_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZdlPvSt11align_val_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZdaPvSt11align_val_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZdlPvmSt11align_val_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
  {"_ZdaPvmSt11align_val_t", C::allocator, T::cold, arenas, R::per_build, h_alloc},
};
// clang-format on

// clang-format off
constexpr CatalogueEntry tcmalloc_functions[] = {
  {"malloc", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"free", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"calloc", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"realloc", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"posix_memalign", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"aligned_alloc", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"memalign", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"valloc", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"pvalloc", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"cfree", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"tc_malloc", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"tc_free", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"tc_calloc", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"tc_realloc", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"MallocExtension_ReleaseFreeMemory", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"MallocExtension_GetStats", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_Znwm", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_Znam", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_ZnwmRKSt9nothrow_t", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_ZnamRKSt9nothrow_t", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZnamSt11align_val_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZnamSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZdlPv", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_ZdaPv", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_ZdlPvm", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_ZdaPvm", C::allocator, T::hot, central, R::per_build, h_alloc},
  {"_ZdlPvRKSt9nothrow_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZdaPvRKSt9nothrow_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZdlPvSt11align_val_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZdaPvSt11align_val_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZdlPvmSt11align_val_t", C::allocator, T::cold, central, R::per_build, h_alloc},
  {"_ZdaPvmSt11align_val_t", C::allocator, T::cold, central, R::per_build, h_alloc},
};

constexpr CatalogueEntry mimalloc_functions[] = {
  {"malloc", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"free", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"calloc", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"realloc", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"reallocarray", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"posix_memalign", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"aligned_alloc", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"memalign", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"valloc", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"pvalloc", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"cfree", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_malloc", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"mi_free", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"mi_calloc", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_realloc", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_zalloc", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"mi_malloc_small", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"mi_zalloc_small", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_malloc_aligned", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_zalloc_aligned", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_new", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"mi_new_nothrow", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_heap_malloc", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_heap_zalloc", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_heap_new", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_heap_delete", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_heap_destroy", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"mi_collect", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_Znwm", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_Znam", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_ZnwmRKSt9nothrow_t", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_ZnamRKSt9nothrow_t", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZnamSt11align_val_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZnamSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZdlPv", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_ZdaPv", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_ZdlPvm", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_ZdaPvm", C::allocator, T::hot, delayed, R::per_build, h_alloc},
  {"_ZdlPvRKSt9nothrow_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZdaPvRKSt9nothrow_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZdlPvSt11align_val_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZdaPvSt11align_val_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZdlPvmSt11align_val_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
  {"_ZdaPvmSt11align_val_t", C::allocator, T::cold, delayed, R::per_build, h_alloc},
};

constexpr CatalogueEntry unknown_functions[] = {
  {"malloc", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"free", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"calloc", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"realloc", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"reallocarray", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"posix_memalign", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"aligned_alloc", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"memalign", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"valloc", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"pvalloc", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"cfree", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_Znwm", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_Znam", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_ZnwmRKSt9nothrow_t", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_ZnamRKSt9nothrow_t", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZnamSt11align_val_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZnwmSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZnamSt11align_val_tRKSt9nothrow_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZdlPv", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_ZdaPv", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_ZdlPvm", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_ZdaPvm", C::allocator, T::hot, heap, R::per_build, h_alloc},
  {"_ZdlPvRKSt9nothrow_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZdaPvRKSt9nothrow_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZdlPvSt11align_val_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZdaPvSt11align_val_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZdlPvmSt11align_val_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
  {"_ZdaPvmSt11align_val_t", C::allocator, T::cold, heap, R::per_build, h_alloc},
};

// clang-format on

constexpr Names no_prefix = {""};
// jemalloc's --with-jemalloc-prefix: Redis, and Rust's jemalloc crates.
constexpr Names jemalloc_prefixes = {"", "je_", "_rjem_", "jemalloc_"};
constexpr Names jemalloc_sonames = {"libjemalloc.so*"};
constexpr Names jemalloc_marks = {"mallctl"};
constexpr Names gperftools_sonames = {"libtcmalloc*.so*"};
constexpr Names gperftools_marks = {"tc_malloc"};
constexpr Names google_marks = {"TCMallocInternalMalloc"};
constexpr Names mimalloc_sonames = {"libmimalloc*.so*"};
constexpr Names mimalloc_marks = {"mi_malloc"};

constexpr auto allocator = ProviderKind::allocator;

// google/tcmalloc is never a shared library of its own.
constexpr Provider all[] = {
    {"jemalloc", allocator, jemalloc_sonames, jemalloc_marks, jemalloc_prefixes,
     jemalloc_functions},
    {"google tcmalloc", allocator, {}, google_marks, no_prefix, tcmalloc_functions},
    {"gperftools tcmalloc", allocator, gperftools_sonames, gperftools_marks, no_prefix,
     tcmalloc_functions},
    {"mimalloc", allocator, mimalloc_sonames, mimalloc_marks, no_prefix, mimalloc_functions},
};

constexpr Provider unknown = {"unknown allocator", allocator, {}, {}, no_prefix, unknown_functions};

} // namespace

std::span<const Provider> allocator_providers() {
  return all;
}

const Provider& unknown_allocator() {
  return unknown;
}

} // namespace forkmon
