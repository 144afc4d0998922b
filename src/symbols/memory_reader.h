// SPDX-License-Identifier: MIT
/// Reading the memory of a process, or of a copy of it.
#pragma once

#include "util/fd.h"

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

namespace forkmon {

class MemoryReader {
public:
  virtual ~MemoryReader() = default;

  /// Fills `out` with what is at `address`; false where not all of it could be read.
  virtual bool read(std::uint64_t address, std::span<std::uint8_t> out) = 0;

  /// A number at `address`, in the byte order of the host.
  template <typename T>
  std::optional<T> number(std::uint64_t address) {
    T value{};
    if (!read(address, {reinterpret_cast<std::uint8_t*>(&value), sizeof value}))
      return {};
    return value;
  }
};

/// The memory of a live process. It is neither stopped nor written to, and a page that is not in
/// memory is not read: faulting it in would change the process, and lets it make us wait for ever
/// (userfaultfd, files of FUSE). Pages are kept, so what was read is a snapshot of each page.
class ProcessMemory final : public MemoryReader {
public:
  explicit ProcessMemory(pid_t pid);
  bool read(std::uint64_t address, std::span<std::uint8_t> out) override;

private:
  static constexpr std::size_t kPageBytes = 4096;
  using Page = std::array<std::uint8_t, kPageBytes>;

  const Page* page(std::uint64_t number);
  bool is_resident(std::uint64_t number) const;

  pid_t pid_;
  Fd pagemap_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_; ///< null: cannot be read
};

/// A copy of a part of a stack.
class CopiedMemory final : public MemoryReader {
public:
  /// `bytes` must outlive the reader.
  CopiedMemory(std::uint64_t start, std::span<const std::uint8_t> bytes)
      : start_(start), bytes_(bytes) {}
  bool read(std::uint64_t address, std::span<std::uint8_t> out) override;

private:
  std::uint64_t start_;
  std::span<const std::uint8_t> bytes_;
};

} // namespace forkmon
