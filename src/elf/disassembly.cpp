// SPDX-License-Identifier: MIT
#include "elf/disassembly.h"

#include <capstone/capstone.h>
#include <fmt/format.h>

#include <memory>
#include <utility>

namespace forkmon {
namespace {

/// Owner of a Capstone handle and of the room for one instruction.
class Decoder {
public:
  explicit Decoder(Machine machine) {
    cs_err error = machine == Machine::x86_64 ? cs_open(CS_ARCH_X86, CS_MODE_64, &handle_)
                                              : cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &handle_);
    if (error == CS_ERR_OK)
      instruction_ = cs_malloc(handle_);
  }
  ~Decoder() {
    if (instruction_)
      cs_free(instruction_, 1);
    if (handle_)
      cs_close(&handle_);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// The first instruction of `code`, until the next call; nullptr where there is none.
  const cs_insn* decode(std::span<const std::byte> code, std::uint64_t address) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(code.data());
    std::size_t size = code.size();
    bool is_decoded =
        instruction_ && cs_disasm_iter(handle_, &bytes, &size, &address, instruction_);
    return is_decoded ? instruction_ : nullptr;
  }

private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

} // namespace

bool disassemble(std::span<const std::byte> code, std::uint64_t vaddr, Machine machine,
                 const InstructionVisitor& visit) {
  if (code.size() > max_function_size)
    return false;
  Decoder decoder(machine);
  for (std::size_t offset = 0; offset < code.size();) {
    const cs_insn* decoded = decoder.decode(code.subspan(offset), vaddr + offset);
    if (!decoded)
      return false;
    auto bytes = code.subspan(offset, decoded->size);
    visit(offset, decoded->size, classify(machine, bytes, vaddr + offset));
    offset += decoded->size;
  }
  return true;
}

std::string instruction_text(std::span<const std::byte> code, std::uint64_t vaddr,
                             Machine machine) {
  Decoder decoder(machine);
  const cs_insn* decoded = decoder.decode(code, vaddr);
  if (!decoded)
    return {};
  std::string operands = decoded->op_str;
  return operands.empty() ? decoded->mnemonic : fmt::format("{} {}", decoded->mnemonic, operands);
}

} // namespace forkmon
