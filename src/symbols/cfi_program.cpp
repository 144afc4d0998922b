// SPDX-License-Identifier: MIT
#include "symbols/cfi_program.h"

#include "symbols/byte_reader.h"

#include <dwarf.h>

namespace forkmon {
namespace {

constexpr std::size_t kMaxRememberedStates = 16;
constexpr std::size_t kMaxExpressionBytes = 512;

class FrameProgram {
public:
  FrameProgram(const CommonEntry& common, std::uint64_t location, std::uint64_t target)
      : common_(common), location_(location), target_(target) {}

  /// False: malformed.
  bool run(std::span<const std::uint8_t> instructions) {
    ByteReader reader(instructions);
    while (ok_ && !reached_ && !reader.at_end())
      execute(reader);
    return ok_ && reader.ok();
  }

  void end_of_common_instructions() { initial_ = rules_; }
  FrameRules& rules() { return rules_; }

private:
  using Kind = RegisterRule::Kind;

  void execute(ByteReader& reader) {
    const auto byte = reader.number<std::uint8_t>();
    const std::uint64_t operand = byte & 0x3f;
    switch (byte & 0xc0) {
    case DW_CFA_advance_loc:
      advance(operand);
      break;
    case DW_CFA_offset:
      set(operand, Kind::at_offset, factored(reader.uleb()));
      break;
    case DW_CFA_restore:
      restore(operand);
      break;
    default:
      if (!move(byte, reader) && !define_cfa(byte, reader) && !define_register(byte, reader))
        ok_ = false;
    }
  }

  void advance(std::uint64_t delta) {
    const std::uint64_t next = location_ + delta * common_.code_alignment;
    if (next > target_)
      reached_ = true;
    else
      location_ = next;
  }

  std::int64_t factored(std::uint64_t value) const {
    return static_cast<std::int64_t>(value * static_cast<std::uint64_t>(common_.data_alignment));
  }
  std::int64_t signed_factored(ByteReader& reader) const {
    return factored(static_cast<std::uint64_t>(reader.sleb()));
  }

  // Registers that unwinding does not need (vector registers and such) are passed over.
  void set(std::uint64_t reg, Kind kind, std::int64_t value = 0,
           std::span<const std::uint8_t> expression = {}) {
    if (reg < Registers::kCount)
      rules_.registers[reg] = {kind, value, {expression.begin(), expression.end()}};
  }

  void restore(std::uint64_t reg) {
    if (reg < Registers::kCount)
      rules_.registers[reg] = initial_.registers[reg];
  }

  std::span<const std::uint8_t> block(ByteReader& reader) {
    const auto size = reader.uleb();
    ok_ = ok_ && size <= kMaxExpressionBytes;
    return ok_ ? reader.take(size) : std::span<const std::uint8_t>{};
  }

  bool move(std::uint8_t byte, ByteReader& reader) {
    switch (byte) {
    case DW_CFA_nop:
      return true;
    case DW_CFA_advance_loc1:
      advance(reader.number<std::uint8_t>());
      return true;
    case DW_CFA_advance_loc2:
      advance(reader.number<std::uint16_t>());
      return true;
    case DW_CFA_advance_loc4:
      advance(reader.number<std::uint32_t>());
      return true;
    case DW_CFA_GNU_args_size:
      reader.uleb();
      return true;
    case DW_CFA_remember_state:
      ok_ = ok_ && remembered_.size() < kMaxRememberedStates;
      if (ok_)
        remembered_.push_back(rules_);
      return true;
    case DW_CFA_restore_state:
      ok_ = ok_ && !remembered_.empty();
      if (ok_) {
        rules_ = std::move(remembered_.back());
        remembered_.pop_back();
      }
      return true;
    default:
      return false;
    }
  }

  bool define_cfa(std::uint8_t byte, ByteReader& reader) {
    CfaRule& cfa = rules_.cfa;
    switch (byte) {
    case DW_CFA_def_cfa: {
      const auto reg = reader.uleb();
      cfa = {reg, static_cast<std::int64_t>(reader.uleb()), {}};
      return true;
    }
    case DW_CFA_def_cfa_sf: {
      const auto reg = reader.uleb();
      cfa = {reg, signed_factored(reader), {}};
      return true;
    }
    case DW_CFA_def_cfa_register:
      cfa.reg = reader.uleb();
      return true;
    case DW_CFA_def_cfa_offset:
      cfa.offset = static_cast<std::int64_t>(reader.uleb());
      return true;
    case DW_CFA_def_cfa_offset_sf:
      cfa.offset = signed_factored(reader);
      return true;
    case DW_CFA_def_cfa_expression: {
      const auto expression = block(reader);
      cfa = {Registers::kCount, 0, {expression.begin(), expression.end()}};
      return true;
    }
    default:
      return false;
    }
  }

  bool define_register(std::uint8_t byte, ByteReader& reader) {
    // AArch64 return address signing; its operand-less opcode means something else elsewhere.
    if (byte == DW_CFA_AARCH64_negate_ra_state)
      return true;
    const auto reg = reader.uleb();
    switch (byte) {
    case DW_CFA_undefined:
      set(reg, Kind::undefined);
      return true;
    case DW_CFA_same_value:
      set(reg, Kind::same_value);
      return true;
    case DW_CFA_restore_extended:
      restore(reg);
      return true;
    case DW_CFA_offset_extended:
      set(reg, Kind::at_offset, factored(reader.uleb()));
      return true;
    case DW_CFA_offset_extended_sf:
      set(reg, Kind::at_offset, signed_factored(reader));
      return true;
    case DW_CFA_val_offset:
      set(reg, Kind::is_offset, factored(reader.uleb()));
      return true;
    case DW_CFA_val_offset_sf:
      set(reg, Kind::is_offset, signed_factored(reader));
      return true;
    case DW_CFA_register:
      set(reg, Kind::other_register, static_cast<std::int64_t>(reader.uleb()));
      return true;
    case DW_CFA_expression:
      set(reg, Kind::at_expression, 0, block(reader));
      return true;
    case DW_CFA_val_expression:
      set(reg, Kind::is_expression, 0, block(reader));
      return true;
    default:
      return false;
    }
  }

  const CommonEntry& common_;
  std::uint64_t location_;
  std::uint64_t target_;
  FrameRules rules_;
  FrameRules initial_;
  std::vector<FrameRules> remembered_;
  bool reached_ = false;
  bool ok_ = true;
};

} // namespace

std::optional<FrameRules> run_frame_program(const CommonEntry& common,
                                            std::span<const std::uint8_t> instructions,
                                            std::uint64_t start, std::uint64_t target) {
  FrameProgram program(common, start, target);
  if (!program.run(common.instructions))
    return {};
  program.end_of_common_instructions();
  if (!program.run(instructions))
    return {};
  program.rules().is_signal_frame = common.is_signal_frame;
  program.rules().function_start = start;
  return std::move(program.rules());
}

} // namespace forkmon
