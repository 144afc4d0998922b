// SPDX-License-Identifier: MIT
#include "symbols/dwarf_expression.h"

#include <dwarf.h>
#include <gtest/gtest.h>

#include <vector>

namespace forkmon {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::optional<std::uint64_t> evaluate(const Bytes& expression,
                                      std::optional<std::uint64_t> initial = {}) {
  static const Bytes kMemory{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x08};
  CopiedMemory memory(0x1000, kMemory);
  Registers registers;
  registers.set_sp(0x1000);
  registers.set_pc(0x401016);
  return evaluate_expression(expression, registers, memory, initial);
}

TEST(DwarfExpression, EvaluatesWhatLinkersWriteForThePlt) {
  // rsp + 8 + ((rip & 15) >= 11) * 8
  const Bytes plt{DW_OP_breg7, 8,        DW_OP_breg16, 0,         DW_OP_lit15, DW_OP_and,
                  DW_OP_lit11, DW_OP_ge, DW_OP_lit3,   DW_OP_shl, DW_OP_plus};
  EXPECT_EQ(evaluate(plt), 0x1008U);
}

TEST(DwarfExpression, ReadsMemory) {
  EXPECT_EQ(evaluate({DW_OP_breg7, 0, DW_OP_deref}), 0x0877665544332211U);
  EXPECT_EQ(evaluate({DW_OP_breg7, 0, DW_OP_deref_size, 2}), 0x2211U);
  EXPECT_EQ(evaluate({DW_OP_deref}, 0x1000), 0x0877665544332211U);
}

TEST(DwarfExpression, Branches) {
  EXPECT_EQ(evaluate({DW_OP_lit1, DW_OP_bra, 1, 0, DW_OP_lit9, DW_OP_lit5}), 5U);
  EXPECT_EQ(evaluate({DW_OP_lit4, DW_OP_lit0, DW_OP_bra, 1, 0, DW_OP_lit9}), 9U);
}

TEST(DwarfExpression, RefusesWhatIsMalformed) {
  EXPECT_FALSE(evaluate({}));
  EXPECT_FALSE(evaluate({DW_OP_plus}));
  EXPECT_FALSE(evaluate({DW_OP_const8u, 1, 2}));
  EXPECT_FALSE(evaluate({0x01}));
  EXPECT_FALSE(evaluate({DW_OP_lit1, DW_OP_skip, 0x00, 0x80}));
  EXPECT_FALSE(evaluate({DW_OP_lit0, DW_OP_deref_size, 200}));
}

TEST(DwarfExpression, RefusesUnknownRegistersAndUnreadableMemory) {
  EXPECT_FALSE(evaluate({DW_OP_breg6, 0}));
  EXPECT_FALSE(evaluate({DW_OP_bregx, 0xff, 0x7f, 0}));
  EXPECT_FALSE(evaluate({DW_OP_lit0, DW_OP_deref}));
}

TEST(DwarfExpression, EndsEndlessLoopsAndStacks) {
  EXPECT_FALSE(evaluate({DW_OP_skip, 0xfd, 0xff}));
  EXPECT_FALSE(evaluate(Bytes(100, DW_OP_lit1)));
}

} // namespace
} // namespace forkmon
