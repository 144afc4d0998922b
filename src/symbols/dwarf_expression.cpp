// SPDX-License-Identifier: MIT
#include "symbols/dwarf_expression.h"

#include "symbols/byte_reader.h"

#include <dwarf.h>

#include <vector>

namespace forkmon {
namespace {

constexpr int kMaxSteps = 1000;
constexpr std::size_t kMaxDepth = 64;

class Evaluator {
public:
  Evaluator(std::span<const std::uint8_t> expression, const Registers& registers,
            MemoryReader& memory)
      : reader_(expression), registers_(registers), memory_(memory) {}

  void push(std::uint64_t value) {
    if (stack_.size() >= kMaxDepth)
      ok_ = false;
    else
      stack_.push_back(value);
  }

  std::optional<std::uint64_t> run() {
    for (int step = 0; !reader_.at_end(); ++step) {
      if (step >= kMaxSteps)
        return {};
      execute(reader_.number<std::uint8_t>());
      if (!ok_ || !reader_.ok())
        return {};
    }
    if (stack_.empty())
      return {};
    return stack_.back();
  }

private:
  std::uint64_t pop() {
    if (stack_.empty()) {
      ok_ = false;
      return 0;
    }
    const auto value = stack_.back();
    stack_.pop_back();
    return value;
  }

  void execute(std::uint8_t op) {
    if (op >= DW_OP_lit0 && op <= DW_OP_lit31)
      push(op - DW_OP_lit0);
    else if (op >= DW_OP_breg0 && op <= DW_OP_breg31)
      push_register(op - DW_OP_breg0);
    else if (!push_constant(op) && !move(op) && !jump(op) && !calculate_one(op) && !calculate(op))
      ok_ = false;
  }

  void push_register(std::uint64_t number) {
    const auto offset = static_cast<std::uint64_t>(reader_.sleb());
    const auto value = registers_.get(number);
    ok_ = ok_ && value.has_value();
    push(value.value_or(0) + offset);
  }

  template <typename T>
  void push_number() {
    push(static_cast<std::uint64_t>(static_cast<std::int64_t>(reader_.number<T>())));
  }

  bool push_constant(std::uint8_t op) {
    switch (op) {
    case DW_OP_const1u:
      push_number<std::uint8_t>();
      return true;
    case DW_OP_const1s:
      push_number<std::int8_t>();
      return true;
    case DW_OP_const2u:
      push_number<std::uint16_t>();
      return true;
    case DW_OP_const2s:
      push_number<std::int16_t>();
      return true;
    case DW_OP_const4u:
      push_number<std::uint32_t>();
      return true;
    case DW_OP_const4s:
      push_number<std::int32_t>();
      return true;
    case DW_OP_const8u:
    case DW_OP_const8s:
      push_number<std::uint64_t>();
      return true;
    case DW_OP_constu:
      push(reader_.uleb());
      return true;
    case DW_OP_consts:
      push(static_cast<std::uint64_t>(reader_.sleb()));
      return true;
    case DW_OP_bregx:
      push_register(reader_.uleb());
      return true;
    default:
      return false;
    }
  }

  void pick(std::size_t depth) {
    if (depth >= stack_.size())
      ok_ = false;
    else
      push(stack_[stack_.size() - 1 - depth]);
  }

  void load(std::size_t size) {
    std::uint64_t value = 0;
    const auto address = pop();
    ok_ = ok_ && size <= sizeof value &&
          memory_.read(address, {reinterpret_cast<std::uint8_t*>(&value), size});
    push(value);
  }

  bool move(std::uint8_t op) {
    switch (op) {
    case DW_OP_nop:
      return true;
    case DW_OP_dup:
      pick(0);
      return true;
    case DW_OP_over:
      pick(1);
      return true;
    case DW_OP_pick:
      pick(reader_.number<std::uint8_t>());
      return true;
    case DW_OP_drop:
      pop();
      return true;
    case DW_OP_deref:
      load(8);
      return true;
    case DW_OP_deref_size:
      load(reader_.number<std::uint8_t>());
      return true;
    case DW_OP_swap: {
      const auto first = pop();
      const auto second = pop();
      push(first);
      push(second);
      return true;
    }
    default:
      return false;
    }
  }

  bool jump(std::uint8_t op) {
    if (op != DW_OP_skip && op != DW_OP_bra)
      return false;
    const auto distance = reader_.number<std::int16_t>();
    if (op == DW_OP_skip || pop() != 0)
      reader_.seek(reader_.position() + static_cast<std::uint64_t>(std::int64_t{distance}));
    return true;
  }

  bool calculate_one(std::uint8_t op) {
    switch (op) {
    case DW_OP_neg:
      push(0 - pop());
      return true;
    case DW_OP_not:
      push(~pop());
      return true;
    case DW_OP_plus_uconst:
      push(pop() + reader_.uleb());
      return true;
    default:
      return false;
    }
  }

  bool calculate(std::uint8_t op) {
    const std::uint64_t right = pop();
    const std::uint64_t left = pop();
    const auto signed_left = static_cast<std::int64_t>(left);
    const auto signed_right = static_cast<std::int64_t>(right);
    switch (op) {
    case DW_OP_and:
      push(left & right);
      return true;
    case DW_OP_or:
      push(left | right);
      return true;
    case DW_OP_xor:
      push(left ^ right);
      return true;
    case DW_OP_plus:
      push(left + right);
      return true;
    case DW_OP_minus:
      push(left - right);
      return true;
    case DW_OP_mul:
      push(left * right);
      return true;
    case DW_OP_shl:
      push(right < 64 ? left << right : 0);
      return true;
    case DW_OP_shr:
      push(right < 64 ? left >> right : 0);
      return true;
    case DW_OP_shra:
      push(static_cast<std::uint64_t>(signed_left >> (right < 64 ? right : 63)));
      return true;
    case DW_OP_eq:
      push(left == right);
      return true;
    case DW_OP_ne:
      push(left != right);
      return true;
    case DW_OP_lt:
      push(signed_left < signed_right);
      return true;
    case DW_OP_le:
      push(signed_left <= signed_right);
      return true;
    case DW_OP_gt:
      push(signed_left > signed_right);
      return true;
    case DW_OP_ge:
      push(signed_left >= signed_right);
      return true;
    default:
      return false;
    }
  }

  ByteReader reader_;
  const Registers& registers_;
  MemoryReader& memory_;
  std::vector<std::uint64_t> stack_;
  bool ok_ = true;
};

} // namespace

std::optional<std::uint64_t> evaluate_expression(std::span<const std::uint8_t> expression,
                                                 const Registers& registers, MemoryReader& memory,
                                                 std::optional<std::uint64_t> initial) {
  Evaluator evaluator(expression, registers, memory);
  if (initial)
    evaluator.push(*initial);
  return evaluator.run();
}

} // namespace forkmon
