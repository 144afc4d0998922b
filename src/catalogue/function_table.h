// SPDX-License-Identifier: MIT
/// The functions that probes may report, by the small ids that the kernel side works with.
#pragma once

#include "catalogue/catalogue.h"
#include "forkmon/event.h"
#include "util/result.h"

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace forkmon {

/// A function of a library, with all that a finding says about it.
struct ProbedFunction {
  std::string function;
  Category category = Category::allocator;
  Tier tier = Tier::cold;
  std::string library;       ///< path or soname, raw bytes
  bool is_protected = false; ///< fork() repairs its lock: see is_repaired()
  Severity severity = Severity::warning;
  std::string hint;
};

/// Gives out ids from 0 up, at most FM_MAX_FUNCTIONS, and never takes one back.
class FunctionTable {
public:
  /// The same (function, library) keeps its first id and its first description.
  /// Error when all ids are taken.
  Result<FunctionId> add(ProbedFunction function);

  /// nullptr for an id that was not given out. Valid until the next add().
  const ProbedFunction* find(FunctionId id) const;

  std::size_t size() const { return functions_.size(); }

  /// Indexed by id. Valid until the next add().
  std::span<const ProbedFunction> all() const { return functions_; }

private:
  std::vector<ProbedFunction> functions_;
  std::map<std::pair<std::string, std::string>, FunctionId> ids_;
};

} // namespace forkmon
