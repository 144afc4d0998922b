// SPDX-License-Identifier: MIT
#include "catalogue/catalogue.h"

namespace forkmon {

bool is_repaired(const CatalogueEntry& entry, LibcVersion libc, bool build_repairs) {
  switch (entry.repair) {
  case Repair::yes:
    return true;
  case Repair::since_2_41:
    return libc.major > 2 || (libc.major == 2 && libc.minor >= 41);
  case Repair::per_build:
    return build_repairs;
  case Repair::no:
  case Repair::application:
    return false;
  }
  return false;
}

Severity severity_of(const CatalogueEntry& entry, LibcVersion libc, bool build_repairs) {
  // An application may well have taken its own lock around fork: unsafe by POSIX, no more is known.
  if (entry.repair == Repair::application)
    return Severity::warning;
  return is_repaired(entry, libc, build_repairs) ? Severity::warning : Severity::high;
}

namespace {

struct CategoryName {
  Category category;
  std::string_view name;
};

constexpr CategoryName category_names[] = {
    {Category::allocator, "allocator"},
    {Category::stdio, "stdio"},
    {Category::locks, "locks"},
    {Category::threads, "threads"},
    {Category::environment, "environment"},
    {Category::time, "time"},
    {Category::name_service, "name_service"},
    {Category::users, "users"},
    {Category::process_exit, "process_exit"},
    {Category::dynamic_loading, "dynamic_loading"},
    {Category::locale, "locale"},
    {Category::random, "random"},
    {Category::syslog, "syslog"},
    {Category::directory, "directory"},
    {Category::conversion, "conversion"},
    {Category::messages, "messages"},
    {Category::terminal, "terminal"},
    {Category::process_creation, "process_creation"},
    {Category::openmp, "openmp"},
    {Category::crypto, "crypto"},
    {Category::network, "network"},
    {Category::blas, "blas"},
    {Category::database, "database"},
    {Category::rpc, "rpc"},
};

} // namespace

std::string_view to_string(Category category) {
  for (const CategoryName& known : category_names)
    if (known.category == category)
      return known.name;
  return "unknown";
}

std::optional<Category> parse_category(std::string_view name) {
  for (const CategoryName& known : category_names)
    if (known.name == name)
      return known.category;
  return std::nullopt;
}

} // namespace forkmon
