// SPDX-License-Identifier: MIT
// The rules of arch/x86/kernel/uprobes.c. Where Linux 6.1 and 6.18 differ, the dearer way is taken,
// which costs time but is never wrong: only late kernels emulate the long nops (0f 1f, endbr64), so
// they count as single-stepped here.
#include "elf/instruction.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace forkmon {
namespace {

using Byte = std::uint8_t;

/// An instruction taken apart as far as its opcode.
struct Opcode {
  bool has_legacy_prefix = false;
  bool has_operand_size_prefix = false;
  bool has_bad_prefix = false; // is_prefix_bad() in the kernel: lock, and segments that do nothing
  Byte rex = 0;
  bool is_vector = false; // VEX or EVEX
  bool is_two_byte = false;
  Byte value = 0;
  Byte modrm = 0; // the byte after the opcode, 0 where there is none
};

void note_prefix(Opcode& opcode, Byte prefix) {
  constexpr Byte bad[] = {0x26, 0x2e, 0x36, 0x3e, 0xf0};
  opcode.has_legacy_prefix = true;
  opcode.has_operand_size_prefix |= prefix == 0x66;
  opcode.has_bad_prefix |= std::ranges::find(bad, prefix) != std::end(bad);
}

bool is_legacy_prefix(Byte byte) {
  constexpr Byte prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
  return std::ranges::find(prefixes, byte) != std::end(prefixes);
}

Opcode parse(std::span<const std::byte> bytes) {
  auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<Byte>(bytes[i]) : Byte{0}; };
  Opcode opcode;
  std::size_t i = 0;
  for (; i < bytes.size() && is_legacy_prefix(at(i)); ++i)
    note_prefix(opcode, at(i));
  if ((at(i) & 0xf0) == 0x40)
    opcode.rex = at(i++);
  opcode.is_vector = at(i) == 0xc4 || at(i) == 0xc5 || at(i) == 0x62;
  opcode.is_two_byte = at(i) == 0x0f;
  if (opcode.is_two_byte)
    ++i;
  opcode.value = at(i);
  opcode.modrm = at(i + 1);
  return opcode;
}

bool is_between(Byte value, Byte low, Byte high) {
  return value >= low && value <= high;
}

Flow flow_of_group5(Byte modrm) {
  int operation = (modrm >> 3) & 7;
  if (operation == 2 || operation == 3)
    return Flow::call;
  return operation == 4 || operation == 5 ? Flow::indirect_jump : Flow::next;
}

Flow flow_of(const Opcode& opcode) {
  Byte value = opcode.value;
  if (opcode.is_vector)
    return Flow::next;
  if (opcode.is_two_byte) {
    if (is_between(value, 0x80, 0x8f))
      return Flow::branch; // jcc rel32
    if (value == 0x05)
      return Flow::call; // syscall
    return value == 0x0b || value == 0xb9 || value == 0xff ? Flow::end
                                                           : Flow::next; // ud2, ud1, ud0
  }
  if (is_between(value, 0x70, 0x7f) || is_between(value, 0xe0, 0xe3)) // jcc, loop, jrcxz rel8
    return Flow::branch;
  if (value == 0xc7 && opcode.modrm == 0xf8) // xbegin rel32
    return Flow::branch;
  if (value == 0xeb || value == 0xe9)
    return Flow::jump;
  if (value == 0xe8)
    return Flow::call;
  if (value == 0xff)
    return flow_of_group5(opcode.modrm);
  constexpr Byte ends[] = {0xc2, 0xc3, 0xca, 0xcb, 0xcc, 0xcf, 0xf4}; // ret, int3, iret, hlt
  return std::ranges::find(ends, value) != std::end(ends) ? Flow::end : Flow::next;
}

/// The target of a relative jump, branch or call: the displacement is its last 1 or 4 bytes.
std::optional<std::uint64_t> target_of(const Opcode& opcode, std::span<const std::byte> bytes,
                                       std::uint64_t next) {
  bool is_short =
      !opcode.is_two_byte && (is_between(opcode.value, 0x70, 0x7f) ||
                              is_between(opcode.value, 0xe0, 0xe3) || opcode.value == 0xeb);
  if (is_short)
    return next + static_cast<std::uint64_t>(static_cast<std::int8_t>(bytes.back()));
  std::int32_t displacement = 0;
  if (opcode.value == 0xff || bytes.size() <= sizeof displacement)
    return std::nullopt;
  std::memcpy(&displacement, &*(bytes.end() - sizeof displacement), sizeof displacement);
  return next + static_cast<std::uint64_t>(std::int64_t{displacement});
}

/// Opcodes that the kernel's good_insns_64 and good_2byte_insns leave out, of those that exist.
bool is_refused(const Opcode& opcode) {
  constexpr Byte one_byte[] = {0x6c, 0x6d, 0x6e, 0x6f, 0x8e, 0xcc, 0xcd, 0xcf, 0xe4, 0xe5,
                               0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb};
  constexpr Byte two_byte[] = {0x00, 0x01, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0b,
                               0x30, 0x34, 0x35, 0x37, 0x78, 0x79, 0xae};
  // The kernel looks at the opcode alone: a VEX instruction that shares one with a jump (c5 fe 7f,
  // a vector store, looks like jg) is "emulated" as a nop. Seen on 6.18: the store is lost.
  if (opcode.has_bad_prefix || opcode.is_vector)
    return true;
  return opcode.is_two_byte ? std::ranges::find(two_byte, opcode.value) != std::end(two_byte)
                            : std::ranges::find(one_byte, opcode.value) != std::end(one_byte);
}

/// What branch_setup_xol_ops() takes for a branch or a nop by its opcode.
bool looks_like_branch(const Opcode& opcode) {
  Byte value = opcode.value;
  if (opcode.is_two_byte)
    return is_between(value, 0x80, 0x8f);
  return is_between(value, 0x70, 0x7f) || value == 0x90 || value == 0xe8 || value == 0xe9 ||
         value == 0xeb;
}

ProbeCost cost_of(const Opcode& opcode) {
  if (is_refused(opcode))
    return ProbeCost::impossible;
  bool is_push = !opcode.is_two_byte && is_between(opcode.value, 0x50, 0x57);
  if (is_push && !opcode.has_legacy_prefix && (opcode.rex == 0 || opcode.rex == 0x41))
    return ProbeCost::emulated;
  if (!looks_like_branch(opcode))
    return ProbeCost::stepped;
  // The kernel refuses a branch with an operand-size prefix (so do kernels before 6.18 the nop
  // 66 90), and takes xchg (41 90) for a nop.
  if (opcode.has_operand_size_prefix || opcode.rex != 0)
    return ProbeCost::impossible;
  // Kernels before 6.18 emulate a call without its push on the shadow stack, which kills a
  // process that has one (6.6 and later) on return.
  if (!opcode.is_two_byte && opcode.value == 0xe8)
    return ProbeCost::impossible;
  return ProbeCost::emulated;
}

} // namespace

Instruction classify_x86(std::span<const std::byte> bytes, std::uint64_t address) {
  if (bytes.empty())
    return {Flow::end, ProbeCost::impossible, false, std::nullopt};
  Opcode opcode = parse(bytes);
  Instruction instruction;
  instruction.flow = flow_of(opcode);
  instruction.cost = cost_of(opcode);
  instruction.is_push =
      !opcode.is_vector && !opcode.is_two_byte && is_between(opcode.value, 0x50, 0x57);
  Flow flow = instruction.flow;
  if (flow == Flow::jump || flow == Flow::branch || flow == Flow::call)
    instruction.target = target_of(opcode, bytes, address + bytes.size());
  return instruction;
}

} // namespace forkmon
