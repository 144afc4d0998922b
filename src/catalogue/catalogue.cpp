// SPDX-License-Identifier: MIT
#include "catalogue/catalogue.h"

namespace forkmon {

bool is_repaired(const CatalogueEntry& entry, LibcVersion libc) {
  switch (entry.repair) {
  case Repair::yes:
    return true;
  case Repair::since_2_41:
    return libc.major > 2 || (libc.major == 2 && libc.minor >= 41);
  case Repair::no:
  case Repair::application:
    return false;
  }
  return false;
}

Severity severity_of(const CatalogueEntry& entry, LibcVersion libc) {
  // An application may well have taken its own lock around fork: unsafe by POSIX, no more is known.
  if (entry.repair == Repair::application)
    return Severity::warning;
  return is_repaired(entry, libc) ? Severity::warning : Severity::high;
}

std::string_view to_string(Category category) {
  switch (category) {
  case Category::allocator:
    return "allocator";
  case Category::stdio:
    return "stdio";
  case Category::locks:
    return "locks";
  case Category::threads:
    return "threads";
  case Category::environment:
    return "environment";
  case Category::time:
    return "time";
  case Category::name_service:
    return "name_service";
  case Category::users:
    return "users";
  case Category::process_exit:
    return "process_exit";
  case Category::dynamic_loading:
    return "dynamic_loading";
  case Category::locale:
    return "locale";
  case Category::random:
    return "random";
  case Category::syslog:
    return "syslog";
  case Category::directory:
    return "directory";
  case Category::conversion:
    return "conversion";
  case Category::messages:
    return "messages";
  case Category::terminal:
    return "terminal";
  case Category::process_creation:
    return "process_creation";
  }
  return "unknown";
}

} // namespace forkmon
