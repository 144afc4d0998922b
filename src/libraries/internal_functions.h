// SPDX-License-Identifier: MIT
/// The functions inside a stripped library that only certain of its functions call.
///
/// glibc's malloc writes to the heap in _int_malloc, for which a stripped libc has no symbol. It is
/// found as what malloc calls and no other exported function does.
#pragma once

#include "elf/elf_file.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forkmon {

/// A function that is of interest: an owner of internal ones.
struct OwnerFunction {
  FunctionSymbol symbol;
  std::size_t id = 0;
  int kin = 0; ///< 0: none
  /// Code that only functions of one kin share counts for this one, if it is among them.
  bool names_kin = false;
};

/// Code without a symbol that runs only on behalf of an owner.
struct InternalFunction {
  std::uint64_t file_offset = 0;
  std::uint64_t size = 0;
  std::size_t owner = 0; ///< OwnerFunction::id
};

/// Those that the owners call directly, or through other internal functions, at most three deep.
/// What can also be reached from an exported function that is no owner is left out, and what
/// several owners call unless they are of one kin. x86-64 only; nothing for other machines, and for
/// files with more than 16 MiB of code.
std::vector<InternalFunction> find_internal_functions(const ElfFile& file,
                                                      const std::vector<OwnerFunction>& owners);

} // namespace forkmon
