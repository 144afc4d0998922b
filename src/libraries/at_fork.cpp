// SPDX-License-Identifier: MIT
#include "libraries/at_fork.h"

#include "elf/elf_file.h"

#include <span>

namespace forkmon {
namespace {

bool defines(const ElfFile& file, std::string_view function) {
  return !file.find(std::span(&function, 1)).empty();
}

} // namespace

bool registers_handlers(const ElfFile& file) {
  if (file.soname() == "libpthread.so.0") // glibc's before 2.34: it is what others register with
    return false;
  return file.imports("__register_atfork") || file.imports("pthread_atfork") ||
         defines(file, "pthread_atfork");
}

AtForkHandlers handlers_of(const ElfFile& file, bool is_own_file) {
  if (!registers_handlers(file))
    return AtForkHandlers::none;
  return is_own_file ? AtForkHandlers::registered : AtForkHandlers::likely;
}

bool is_musl_1_2_2(const ElfFile& file) {
  return defines(file, "_Fork");
}

std::string_view to_text(AtForkHandlers handlers) {
  switch (handlers) {
  case AtForkHandlers::none:
    return "registers no at-fork handlers";
  case AtForkHandlers::likely:
    return "its file registers at-fork handlers, likely for it";
  case AtForkHandlers::registered:
    return "registers at-fork handlers";
  case AtForkHandlers::in_fork:
    return "its fork() knows its locks";
  }
  return "unknown";
}

} // namespace forkmon
