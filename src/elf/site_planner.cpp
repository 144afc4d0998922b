// SPDX-License-Identifier: MIT
#include "elf/site_planner.h"

#include "elf/disassembly.h"

#include <algorithm>
#include <limits>
#include <set>

namespace forkmon {
namespace {

constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();

/// An instruction that every call reaches without a branch.
struct Candidate {
  std::uint64_t offset;
  ProbeCost cost;
  bool is_push;
};

/// What the whole function says about its first straight piece.
struct Survey {
  std::vector<Candidate> straight;      ///< up to and with the first one that leaves it
  std::uint64_t first_target = nowhere; ///< offset of the first instruction that is jumped to
  bool has_indirect_jump = false;
  bool is_complete = false; ///< all bytes were instructions
};

class Surveyor {
public:
  Surveyor(std::uint64_t vaddr, std::size_t size) : vaddr_(vaddr), size_(size) {}

  void visit(std::size_t offset, const Instruction& instruction) {
    if (is_straight_)
      survey.straight.push_back({offset, instruction.cost, instruction.is_push});
    is_straight_ = is_straight_ && instruction.flow == Flow::next;
    survey.has_indirect_jump |= instruction.flow == Flow::indirect_jump;
    if (instruction.target)
      note_target(*instruction.target - vaddr_, instruction.flow == Flow::call);
  }

  Survey survey;

private:
  void note_target(std::uint64_t offset, bool is_call) {
    bool is_recursion = is_call && offset == 0; // a call like any other
    if (offset < size_ && !is_recursion)
      survey.first_target = std::min(survey.first_target, offset);
  }

  std::uint64_t vaddr_;
  std::uint64_t size_;
  bool is_straight_ = true;
};

Survey survey_function(std::span<const std::byte> code, std::uint64_t vaddr, Machine machine) {
  Surveyor surveyor(vaddr, code.size());
  surveyor.survey.is_complete =
      disassemble(code, vaddr, machine, [&](std::size_t offset, std::size_t, const Instruction& i) {
        surveyor.visit(offset, i);
      });
  return std::move(surveyor.survey);
}

/// Does every call pass it exactly once, as surely as it passes the entry?
bool is_passed_once(const Candidate& candidate, const Survey& survey) {
  if (candidate.offset == 0)
    return true;
  if (!survey.is_complete || candidate.offset >= survey.first_target || survey.first_target == 0)
    return false;
  // A jump table may lead back to anywhere, but not over a push: the stack would grow.
  return !survey.has_indirect_jump || candidate.is_push;
}

const Candidate* first_of(const Survey& survey, ProbeCost cost) {
  auto fits = [&](const Candidate& c) { return c.cost == cost && is_passed_once(c, survey); };
  auto found = std::ranges::find_if(survey.straight, fits);
  return found == survey.straight.end() ? nullptr : &*found;
}

std::string why_not_emulated(const Survey& survey) {
  if (survey.straight.empty())
    return "the entry is not code";
  if (!survey.is_complete)
    return "not all of the function could be decoded";
  if (survey.first_target == 0)
    return "the function jumps back to its start";
  auto emulated = std::ranges::find(survey.straight, ProbeCost::emulated,
                                    [](const Candidate& c) { return c.cost; });
  if (emulated == survey.straight.end())
    return "nothing that the kernel emulates before the first branch";
  return emulated->offset < survey.first_target
             ? "a jump table may lead to what the kernel emulates"
             : "a branch leads back to what the kernel emulates, or before it";
}

} // namespace

SitePlan plan_site(std::span<const std::byte> code, std::uint64_t vaddr, Machine machine) {
  Survey facts = survey_function(code, vaddr, machine);
  const Candidate* site = first_of(facts, ProbeCost::emulated);
  SitePlan plan;
  plan.is_emulated = site != nullptr;
  plan.reason = site ? "the first that the kernel emulates" : why_not_emulated(facts);
  if (!site)
    site = first_of(facts, ProbeCost::stepped);
  // Where the entry cannot be decoded, the kernel decides.
  plan.can_probe = site != nullptr || facts.straight.empty();
  plan.offset = site ? site->offset : 0;
  if (plan.offset < code.size())
    plan.instruction = instruction_text(code.subspan(plan.offset), vaddr + plan.offset, machine);
  return plan;
}

std::vector<std::uint64_t> direct_call_targets(std::span<const std::byte> code, std::uint64_t vaddr,
                                               Machine machine) {
  std::set<std::uint64_t> targets;
  disassemble(code, vaddr, machine, [&](std::size_t, std::size_t, const Instruction& i) {
    bool leaves = i.target && *i.target - vaddr >= code.size();
    if (i.target && (i.flow == Flow::call || (leaves && i.flow == Flow::jump)))
      targets.insert(*i.target);
  });
  return {targets.begin(), targets.end()};
}

} // namespace forkmon
