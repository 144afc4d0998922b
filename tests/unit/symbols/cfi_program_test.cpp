// SPDX-License-Identifier: MIT
#include "symbols/cfi_program.h"

#include <dwarf.h>
#include <gtest/gtest.h>

#include <vector>

namespace forkmon {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Kind = RegisterRule::Kind;

const Bytes kInitial{DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1};

std::optional<FrameRules> run(const Bytes& instructions, std::uint64_t target) {
  CommonEntry common;
  common.data_alignment = -8;
  common.instructions = kInitial;
  return run_frame_program(common, instructions, 0x1000, target);
}

TEST(CfiProgram, StopsAtTheRowOfTheAddress) {
  const Bytes push_rbp{DW_CFA_advance_loc | 1, DW_CFA_def_cfa_offset,   16, DW_CFA_offset | 6, 2,
                       DW_CFA_advance_loc | 3, DW_CFA_def_cfa_register, 6};
  const auto entry = run(push_rbp, 0x1000);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->cfa.reg, 7U);
  EXPECT_EQ(entry->cfa.offset, 8);
  EXPECT_EQ(entry->registers[16].kind, Kind::at_offset);
  EXPECT_EQ(entry->registers[16].value, -8);
  EXPECT_EQ(entry->registers[6].kind, Kind::unspecified);

  const auto pushed = run(push_rbp, 0x1003);
  ASSERT_TRUE(pushed);
  EXPECT_EQ(pushed->cfa.reg, 7U);
  EXPECT_EQ(pushed->cfa.offset, 16);
  EXPECT_EQ(pushed->registers[6].value, -16);

  const auto body = run(push_rbp, 0x1004);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->cfa.reg, 6U);
}

TEST(CfiProgram, RemembersAndRestores) {
  const Bytes program{DW_CFA_remember_state,
                      DW_CFA_def_cfa_offset,
                      64,
                      DW_CFA_undefined,
                      16,
                      DW_CFA_advance_loc1,
                      16,
                      DW_CFA_restore_state};
  EXPECT_EQ(run(program, 0x100f)->cfa.offset, 64);
  EXPECT_EQ(run(program, 0x1010)->cfa.offset, 8);
  EXPECT_EQ(run(program, 0x1010)->registers[16].kind, Kind::at_offset);
}

TEST(CfiProgram, PassesOverRegistersThatUnwindingDoesNotNeed) {
  // A register number of 2^35: an interpreter with a table by number would take 384 GiB.
  const auto rules = run({DW_CFA_offset_extended, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 2}, 0x1000);
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->cfa.offset, 8);
}

TEST(CfiProgram, RefusesWhatIsMalformed) {
  EXPECT_FALSE(run({DW_CFA_restore_state}, 0x1000));
  EXPECT_FALSE(run({DW_CFA_def_cfa, 7}, 0x1000));
  EXPECT_FALSE(run({0x3f, 0}, 0x1000));
  EXPECT_FALSE(run({DW_CFA_def_cfa_expression, 100, 1}, 0x1000));
  EXPECT_FALSE(run(Bytes(1000, DW_CFA_remember_state), 0x1000));
}

} // namespace
} // namespace forkmon
