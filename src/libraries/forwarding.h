// SPDX-License-Identifier: MIT
/// Functions that hand every call on to another listed one (catalogue/provider_catalogue.h says
/// why they are left out).
#pragma once

#include "libraries/call_stubs.h"
#include "libraries/identify.h"

#include <optional>
#include <set>
#include <string_view>

namespace forkmon {

class Forwarding {
public:
  /// Both must live as long as this.
  Forwarding(const ElfFile& file, const CodeByName& code) : file_(file), code_(code) {}

  /// Does the code of `function`, which is at `symbol`, call what forwards() says it may, directly
  /// or through a stub? glibc's functions are left as they are: its own calls among them are few.
  bool hands_on(const ProviderMatch& match, std::string_view function,
                const FunctionSymbol& symbol);

private:
  std::set<std::uint64_t> targets_of(const FunctionSymbol& symbol);

  const ElfFile& file_;
  const CodeByName& code_;
  std::optional<LinkageSlots> slots_; ///< read when first needed
};

} // namespace forkmon
