// SPDX-License-Identifier: MIT
#include "libraries/internal_functions.h"

#include "elf/disassembly.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

namespace forkmon {
namespace {

constexpr std::uint64_t max_code_bytes = 16U << 20U; // what ElfFile reads at once
constexpr std::uint64_t max_internal_bytes = 16384;
constexpr std::uint64_t function_alignment = 16; // of GCC and Clang for x86-64, but for cold parts
constexpr int max_depth = 3;
constexpr std::size_t max_internal_functions = 512;
constexpr std::size_t max_exported = 10'000; // with as many, there may be more

/// One piece of a file's code, by addresses.
struct Code {
  std::vector<std::byte> bytes;
  std::uint64_t vaddr = 0;
  std::uint64_t to_file_offset = 0; ///< to be added to an address

  std::uint64_t end() const { return vaddr + bytes.size(); }
  bool holds(std::uint64_t address) const { return address >= vaddr && address < end(); }
  std::span<const std::byte> part(std::uint64_t from, std::uint64_t to) const {
    return std::span(bytes).subspan(from - vaddr, to - from);
  }
};

/// From the first to the last exported function, which have the others between them; nothing where
/// they lie in different segments.
Code read_code(const ElfFile& file, const std::vector<FunctionSymbol>& symbols) {
  Code code;
  if (symbols.empty())
    return code;
  auto [first, last] = std::ranges::minmax(symbols, {}, &FunctionSymbol::vaddr);
  code.vaddr = first.vaddr;
  code.to_file_offset = first.file_offset - first.vaddr;
  const std::uint64_t size = last.vaddr + last.size - first.vaddr;
  if (size > max_code_bytes || last.vaddr + code.to_file_offset != last.file_offset)
    return code;
  if (auto bytes = file.read(first.file_offset, size))
    code.bytes = std::move(*bytes);
  return code;
}

/// Calls visit(target, is_call) for each byte sequence that reads as a direct call or jump to where
/// a function may start. Bytes that are none rarely do, and what they add makes us leave code out.
template <typename Visit>
void for_each_target(const Code& code, std::uint64_t from, std::uint64_t to, const Visit& visit) {
  constexpr std::byte call{0xe8}, jump{0xe9};
  constexpr std::uint64_t length = 5;
  const auto bytes = code.part(from, to);
  for (std::size_t i = 0; i + length <= bytes.size(); i++) {
    if (bytes[i] != call && bytes[i] != jump)
      continue;
    std::int32_t distance = 0;
    std::memcpy(&distance, &bytes[i + 1], sizeof(distance));
    const std::uint64_t target = from + i + length + static_cast<std::uint64_t>(distance);
    if (code.holds(target) && target % function_alignment == 0)
      visit(target, bytes[i] == call);
  }
}

/// Who calls whom, as far as direct calls go.
class CallGraph {
public:
  enum class Kind { internal, owner, other };
  struct Function {
    Kind kind = Kind::internal;
    std::size_t owner = 0; ///< index into the owners
  };
  using Functions = std::map<std::uint64_t, Function>; ///< by address

  CallGraph(const Code& code, const std::vector<FunctionSymbol>& exported,
            const std::vector<OwnerFunction>& owners)
      : code_(code) {
    for (const FunctionSymbol& symbol : exported)
      if (code.holds(symbol.vaddr))
        add(symbol, {Kind::other, 0});
    for (std::size_t i = 0; i < owners.size(); i++)
      if (code.holds(owners[i].symbol.vaddr))
        add(owners[i].symbol, {Kind::owner, i});
    for_each_target(code, code.vaddr, code.end(), [&](std::uint64_t target, bool is_call) {
      if (is_call)
        functions_.try_emplace(target);
    });
  }

  const Functions& functions() const { return functions_; }

  /// Start of the function after this one.
  std::uint64_t next(std::uint64_t start) const {
    auto after = functions_.upper_bound(start);
    return after == functions_.end() ? code_.end() : after->first;
  }

  /// The internal functions that the code from `start` to the next function calls or jumps to.
  std::vector<std::uint64_t> internal_callees(std::uint64_t start) const {
    std::vector<std::uint64_t> callees;
    for_each_target(code_, start, next(start), [&](std::uint64_t target, bool) {
      auto function = functions_.find(target);
      if (function != functions_.end() && function->second.kind == Kind::internal)
        callees.push_back(target);
    });
    return callees;
  }

private:
  /// What a function with a symbol, and so a known end, jumps to outside of itself is one, too.
  void add(const FunctionSymbol& symbol, Function function) {
    functions_[symbol.vaddr] = function;
    const std::uint64_t end = std::min(symbol.vaddr + symbol.size, code_.end());
    for_each_target(code_, symbol.vaddr, end, [&](std::uint64_t target, bool) {
      if (target < symbol.vaddr || target >= end)
        functions_.try_emplace(target);
    });
  }

  const Code& code_;
  Functions functions_;
};

/// Bytes from the start to the last instruction that is reached without a call.
std::uint64_t extent(const Code& code, std::uint64_t start, std::uint64_t limit) {
  limit = std::min(limit, start + max_internal_bytes);
  std::uint64_t furthest = start; // that a branch leads to
  std::uint64_t size = 0;
  disassemble(code.part(start, limit), start, native_machine(),
              [&](std::size_t offset, std::size_t length, const Instruction& instruction) {
                const bool falls_through = instruction.flow == Flow::next ||
                                           instruction.flow == Flow::branch ||
                                           instruction.flow == Flow::call;
                if (instruction.target && instruction.flow != Flow::call &&
                    *instruction.target < limit)
                  furthest = std::max(furthest, *instruction.target);
                if (size == 0 && !falls_through && start + offset >= furthest)
                  size = offset + length;
              });
  return size == 0 ? limit - start : size;
}

/// On whose behalf an internal function runs.
struct Claim {
  enum class Who { one, kin, several };
  Who who = Who::one;
  std::size_t owner = 0; ///< index into the owners; of kin the one that names it, else any of them
  int depth = 0;         ///< fewest calls from a function with a symbol
};

/// Follows the calls from all functions with symbols inwards. A function is looked at again when
/// its claim changes, which it does a few times at most: from one owner to its kin, to several.
class Claims {
public:
  Claims(const CallGraph& graph, const std::vector<OwnerFunction>& owners)
      : graph_(graph), owners_(owners) {
    for (const auto& [start, function] : graph.functions()) {
      if (function.kind == CallGraph::Kind::internal)
        continue;
      const bool is_owner = function.kind == CallGraph::Kind::owner;
      claims_[start] = {is_owner ? Claim::Who::one : Claim::Who::several, function.owner, 0};
      waiting_.push_back(start);
    }
    while (!waiting_.empty()) {
      const std::uint64_t caller = waiting_.front();
      waiting_.pop_front();
      pass_on(caller);
    }
  }

  /// By address. Those of depth 0 have symbols.
  const std::map<std::uint64_t, Claim>& all() const { return claims_; }

private:
  void pass_on(std::uint64_t caller) {
    const Claim claim = claims_[caller];
    auto callees = callees_.find(caller);
    if (callees == callees_.end())
      callees = callees_.emplace(caller, graph_.internal_callees(caller)).first;
    for (std::uint64_t callee : callees->second) {
      Claim passed{claim.who, claim.owner, claim.depth + 1};
      auto [known, is_new] = claims_.try_emplace(callee, passed);
      if (is_new || join(known->second, passed))
        waiting_.push_back(callee);
    }
  }

  /// Makes `known` the claim of both; is it another one now?
  bool join(Claim& known, const Claim& other) const {
    if (known.who == Claim::Who::several)
      return false;
    const OwnerFunction& owner = owners_[known.owner];
    const OwnerFunction& joined = owners_[other.owner];
    const bool is_kin = owner.kin != 0 && owner.kin == joined.kin;
    const Claim before = known;
    if (other.who == Claim::Who::several || (known.owner != other.owner && !is_kin))
      known.who = Claim::Who::several;
    else if (known.owner != other.owner || other.who == Claim::Who::kin)
      known.who = Claim::Who::kin;
    // Claims come in by their depth: the one that names it is as near as any.
    const bool names_better =
        joined.names_kin &&
        (!owner.names_kin || (other.depth <= known.depth && joined.id < owner.id));
    if (known.who == Claim::Who::kin && names_better)
      known.owner = other.owner;
    return known.who != before.who || known.owner != before.owner;
  }

  const CallGraph& graph_;
  const std::vector<OwnerFunction>& owners_;
  std::map<std::uint64_t, Claim> claims_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> callees_;
  std::deque<std::uint64_t> waiting_;
};

bool counts(const Claim& claim, const std::vector<OwnerFunction>& owners) {
  return claim.depth > 0 && claim.depth <= max_depth &&
         (claim.who == Claim::Who::one ||
          (claim.who == Claim::Who::kin && owners[claim.owner].names_kin));
}

} // namespace

std::vector<InternalFunction> find_internal_functions(const ElfFile& file,
                                                      const std::vector<OwnerFunction>& owners) {
  std::vector<InternalFunction> found;
  if (native_machine() != Machine::x86_64)
    return found;
  const auto exported = file.exported();
  const Code code = read_code(file, exported);
  if (code.bytes.empty() || exported.size() >= max_exported)
    return found;
  const CallGraph graph(code, exported, owners);
  const Claims claims(graph, owners);
  for (const auto& [start, claim] : claims.all()) {
    if (counts(claim, owners) && found.size() < max_internal_functions)
      found.push_back({start + code.to_file_offset, extent(code, start, graph.next(start)),
                       owners[claim.owner].id});
  }
  return found;
}

} // namespace forkmon
