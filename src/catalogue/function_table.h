// SPDX-License-Identifier: MIT
/// The functions that probes may report, and the files these were found in, by the small ids that
/// the kernel side works with.
#pragma once

#include "catalogue/catalogue.h"
#include "forkmon/event.h"
#include "util/result.h"

#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace forkmon {

/// A function of a kind of library, with all that a finding says about it.
struct ProbedFunction {
  std::string function;
  Category category = Category::allocator;
  Tier tier = Tier::cold;
  std::string provider;      ///< "glibc" and the like, whatever file it is in
  bool is_protected = false; ///< fork() repairs its lock: see is_repaired()
  Severity severity = Severity::warning;
  std::string hint;
};

/// Gives out ids from 0 up, at most FM_MAX_FUNCTIONS, and never takes one back. A function of fifty
/// containers' C libraries has one id, as long as a finding would say the same of it.
class FunctionTable {
public:
  /// What is the same but for category and tier has one id, and keeps its first description.
  /// Error when all ids are taken.
  Result<FunctionId> add(ProbedFunction function);

  /// The id of a file's path, raw bytes; 0, which stands for no known file, past FM_MAX_LIBRARIES.
  LibraryId add_library(const std::string& path);

  /// nullptr for an id that was not given out. Valid until the next add().
  const ProbedFunction* find(FunctionId id) const;

  /// The path; nullptr for 0 and for an id that was not given out. Valid until the next
  /// add_library().
  const std::string* find_library(LibraryId id) const;

  std::size_t size() const { return functions_.size(); }

  /// Indexed by id. Valid until the next add().
  std::span<const ProbedFunction> all() const { return functions_; }

private:
  using Description = std::tuple<std::string, std::string, bool, Severity, std::string>;
  std::vector<ProbedFunction> functions_;
  std::map<Description, FunctionId> ids_;
  std::vector<std::string> libraries_; ///< the one with id 1 first
  std::map<std::string, LibraryId> library_ids_;
};

} // namespace forkmon
