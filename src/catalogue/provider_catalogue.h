// SPDX-License-Identifier: MIT
/// Libraries whose locks bite after fork(), as data: how each is told from others, and what of it
/// a tainted child must not call. Adding a library is a table and a line.
///
/// Counting once. A call counts under the function and the library that the child called:
///  - aliases at one address are one place, under the table's first name;
///  - only entry points that programs call are listed, never what an allocator calls inside;
///  - an entry that hands every call on to another listed entry (jemalloc's `operator delete` jumps
///    to `free`) is left out, or one call would count twice: see forwards();
///  - so is libstdc++'s `operator new`, which is in no table: the malloc that it calls counts, of
///    whichever library that is. An allocator's own `operator new` is listed with the allocator.
#pragma once

#include "catalogue/catalogue.h"

#include <span>
#include <string_view>

namespace forkmon {

enum class ProviderKind {
  allocator = 1, ///< malloc and its kin
  libc,
  library, ///< any other
};

/// One library, alone in its file or built into another: an executable, or a larger library.
struct Provider {
  std::string_view name;
  ProviderKind kind;
  /// Globs of its DT_SONAME; one match tells it.
  std::span<const std::string_view> sonames;
  /// Functions that nothing else defines; one tells it. A libc's count in static executables only.
  std::span<const std::string_view> marks;
  /// What a build may put before each name, the marks' too; the empty one first.
  std::span<const std::string_view> prefixes;
  std::span<const CatalogueEntry> functions; ///< preferred names of an address first
};

/// All known ones. Allocators come before the C libraries, whose malloc they replace.
std::span<const Provider> providers();

/// An allocator that is none of the known ones: what any library or executable interposes.
const Provider& unknown_allocator();

/// The C library's functions as musl has them: other locks, and other repairs.
std::span<const CatalogueEntry> musl_catalogue();

/// In some builds `from` hands every call on to `to`. Where its code shows that it does, and both
/// are listed, `from` is left out.
struct Forward {
  std::string_view from;
  std::string_view to;
};
std::span<const Forward> forwards();

// The tables of providers(), by file.
std::span<const Provider> allocator_providers();
std::span<const Provider> library_providers();

} // namespace forkmon
