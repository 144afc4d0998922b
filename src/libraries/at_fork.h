// SPDX-License-Identifier: MIT
/// Whether the code of a file makes its locks usable in the child of fork().
#pragma once

#include <string_view>

namespace forkmon {

class ElfFile;

/// Who takes care of a provider's locks across fork, and how sure that is.
enum class AtForkHandlers {
  none = 1, ///< nothing in the file calls pthread_atfork
  likely,   ///< something in the file does, and the provider is only a part of that file
  registered,
  in_fork, ///< a C library whose fork() knows its locks and needs no handlers
};

/// Does the file register at-fork handlers? It imports `__register_atfork`, which glibc's
/// pthread_atfork calls, or `pthread_atfork` (musl exports it, and glibc for old binaries and weak
/// references, which gperftools has); or pthread_atfork was linked in, which happens on a call of
/// it only (a static executable has `__register_atfork` always).
bool registers_handlers(const ElfFile& file);

/// The same of one provider in the file. `is_own_file`: the file is that library and no other.
AtForkHandlers handlers_of(const ElfFile& file, bool is_own_file);

/// Does this musl's fork() repair its locks? Since 1.2.2, the release that brought `_Fork`.
bool is_musl_1_2_2(const ElfFile& file);

/// "registers at-fork handlers" and the like, for people.
std::string_view to_text(AtForkHandlers handlers);

} // namespace forkmon
