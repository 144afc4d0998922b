// SPDX-License-Identifier: MIT
// The rules of arch/arm64/kernel/probes/decode-insn.c. "nop" is simulated since Linux 6.13 only
// and counts as single-stepped; literal loads were simulated wrongly and are refused since 6.12.
#include "elf/instruction.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace forkmon {
namespace {

/// Bits that tell a kind of instruction, what it does to the flow, and where its displacement is.
struct Encoding {
  std::uint32_t mask;
  std::uint32_t value;
  Flow flow;
  ProbeCost cost;
  int displacement_bits;  // 0: none
  int displacement_shift; // lowest bit of the displacement, which counts words
};

/// The first that matches counts; what matches none is single-stepped and goes on to the next.
constexpr Encoding encodings[] = {
    {0xfc000000, 0x14000000, Flow::jump, ProbeCost::emulated, 26, 0},           // b
    {0xfc000000, 0x94000000, Flow::call, ProbeCost::emulated, 26, 0},           // bl
    {0xff000010, 0x54000000, Flow::branch, ProbeCost::emulated, 19, 5},         // b.cond
    {0xff000010, 0x54000010, Flow::branch, ProbeCost::impossible, 19, 5},       // bc.cond
    {0x7e000000, 0x34000000, Flow::branch, ProbeCost::emulated, 19, 5},         // cbz, cbnz
    {0x7e000000, 0x36000000, Flow::branch, ProbeCost::emulated, 14, 5},         // tbz, tbnz
    {0xfffffc1f, 0xd61f0000, Flow::indirect_jump, ProbeCost::emulated, 0, 0},   // br
    {0xfffffc1f, 0xd63f0000, Flow::call, ProbeCost::emulated, 0, 0},            // blr
    {0xfffffc1f, 0xd65f0000, Flow::end, ProbeCost::emulated, 0, 0},             // ret
    {0xfe000000, 0xd6000000, Flow::indirect_jump, ProbeCost::impossible, 0, 0}, // braa, retaa, eret
    {0x1f000000, 0x10000000, Flow::next, ProbeCost::emulated, 0, 0},            // adr, adrp
    {0x3b000000, 0x18000000, Flow::next, ProbeCost::impossible, 0, 0},          // ldr literal
    {0x3f000000, 0x08000000, Flow::next, ProbeCost::impossible, 0, 0},          // exclusives
    {0xffe0001f, 0xd4000001, Flow::call, ProbeCost::impossible, 0, 0},          // svc
    {0xff000000, 0xd4000000, Flow::next, ProbeCost::impossible, 0, 0},          // brk, hvc
    {0xfff00000, 0xd5100000, Flow::next, ProbeCost::impossible, 0, 0},          // msr
    {0xfff8f01f, 0xd500401f, Flow::next, ProbeCost::impossible, 0, 0},          // msr immediate
};

/// nop, xpaclri, the pac* and bti ones: the hints that may be single-stepped.
constexpr std::uint32_t good_hints[] = {0, 7, 8, 10, 24, 25, 26, 27, 32, 34, 36, 38};

bool is_bad_hint(std::uint32_t word) {
  if ((word & 0xfffff01f) != 0xd503201f)
    return false;
  return std::ranges::find(good_hints, (word >> 5) & 0x7f) == std::end(good_hints);
}

std::uint64_t target_of(const Encoding& encoding, std::uint32_t word, std::uint64_t address) {
  int unused = 32 - encoding.displacement_bits;
  std::uint32_t top_aligned = (word >> encoding.displacement_shift) << unused;
  std::int64_t words = static_cast<std::int32_t>(top_aligned) >> unused; // keeps the sign
  return address + static_cast<std::uint64_t>(words * 4);
}

} // namespace

Instruction classify_arm64(std::span<const std::byte> bytes, std::uint64_t address) {
  std::uint32_t word = 0;
  if (bytes.size() != sizeof word)
    return {Flow::end, ProbeCost::impossible, false, std::nullopt};
  std::memcpy(&word, bytes.data(), sizeof word);
  auto matches = [&](const Encoding& e) { return (word & e.mask) == e.value; };
  const auto* encoding = std::ranges::find_if(encodings, matches);
  Instruction instruction;
  if (encoding == std::end(encodings)) {
    instruction.cost = is_bad_hint(word) ? ProbeCost::impossible : ProbeCost::stepped;
    return instruction;
  }
  instruction.flow = encoding->flow;
  instruction.cost = encoding->cost;
  if (encoding->displacement_bits != 0)
    instruction.target = target_of(*encoding, word, address);
  return instruction;
}

} // namespace forkmon
