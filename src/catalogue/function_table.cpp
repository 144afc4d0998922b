// SPDX-License-Identifier: MIT
#include "catalogue/function_table.h"

#include "forkmon/wire.h"

namespace forkmon {

Result<FunctionId> FunctionTable::add(ProbedFunction function) {
  std::pair name{function.function, function.library};
  if (const auto known = ids_.find(name); known != ids_.end())
    return known->second;
  if (functions_.size() >= FM_MAX_FUNCTIONS)
    return Error{"no more than " + std::to_string(FM_MAX_FUNCTIONS) + " functions can be probed"};
  const auto id = static_cast<FunctionId>(functions_.size());
  functions_.push_back(std::move(function));
  ids_.emplace(std::move(name), id);
  return id;
}

const ProbedFunction* FunctionTable::find(FunctionId id) const {
  return id < functions_.size() ? &functions_[id] : nullptr;
}

} // namespace forkmon
