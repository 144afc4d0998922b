// SPDX-License-Identifier: MIT
#include "catalogue/function_table.h"

#include "forkmon/wire.h"

namespace forkmon {

Result<FunctionId> FunctionTable::add(ProbedFunction function) {
  Description description{function.function, function.provider, function.is_protected,
                          function.severity, function.hint};
  if (const auto known = ids_.find(description); known != ids_.end())
    return known->second;
  if (functions_.size() >= FM_MAX_FUNCTIONS)
    return Error{"no more than " + std::to_string(FM_MAX_FUNCTIONS) + " functions can be probed"};
  const auto id = static_cast<FunctionId>(functions_.size());
  functions_.push_back(std::move(function));
  ids_.emplace(std::move(description), id);
  return id;
}

LibraryId FunctionTable::add_library(const std::string& path) {
  if (const auto known = library_ids_.find(path); known != library_ids_.end())
    return known->second;
  if (libraries_.size() >= FM_MAX_LIBRARIES - 1)
    return 0;
  libraries_.push_back(path);
  const auto id = static_cast<LibraryId>(libraries_.size());
  library_ids_.emplace(path, id);
  return id;
}

const ProbedFunction* FunctionTable::find(FunctionId id) const {
  return id < functions_.size() ? &functions_[id] : nullptr;
}

const std::string* FunctionTable::find_library(LibraryId id) const {
  return id > 0 && id <= libraries_.size() ? &libraries_[id - 1U] : nullptr;
}

} // namespace forkmon
