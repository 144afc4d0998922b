// SPDX-License-Identifier: MIT
#include "symbols/memory_reader.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace forkmon {
namespace {

// 2 MiB: more than a stack of ours or a Python traceback can touch.
constexpr std::size_t kMaxPages = 512;

// Documentation/admin-guide/mm/pagemap.rst: bit 63 is "present", bit 62 "swapped".
constexpr std::uint64_t kPresentOrSwapped = std::uint64_t{3} << 62;

} // namespace

ProcessMemory::ProcessMemory(pid_t pid)
    : pid_(pid),
      pagemap_(open(fmt::format("/proc/{}/pagemap", pid).c_str(), O_RDONLY | O_CLOEXEC)) {}

bool ProcessMemory::is_resident(std::uint64_t number) const {
  const auto page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t system_page = number * kPageBytes / page_size;
  std::uint64_t entry = 0;
  const auto size =
      pread(pagemap_.get(), &entry, sizeof entry, static_cast<off_t>(system_page * sizeof entry));
  return size == sizeof entry && (entry & kPresentOrSwapped) != 0;
}

const ProcessMemory::Page* ProcessMemory::page(std::uint64_t number) {
  if (auto known = pages_.find(number); known != pages_.end())
    return known->second.get();
  if (pages_.size() >= kMaxPages)
    return nullptr;
  auto bytes = std::make_unique<Page>();
  iovec local{bytes->data(), bytes->size()};
  iovec remote{reinterpret_cast<void*>(number * kPageBytes), kPageBytes};
  if (!is_resident(number) || process_vm_readv(pid_, &local, 1, &remote, 1, 0) != kPageBytes)
    bytes.reset();
  return pages_.emplace(number, std::move(bytes)).first->second.get();
}

bool ProcessMemory::read(std::uint64_t address, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::size_t in_page = address % kPageBytes;
    const std::size_t size = std::min(out.size(), kPageBytes - in_page);
    const Page* bytes = page(address / kPageBytes);
    if (bytes == nullptr)
      return false;
    std::memcpy(out.data(), bytes->data() + in_page, size);
    out = out.subspan(size);
    address += size;
  }
  return true;
}

bool CopiedMemory::read(std::uint64_t address, std::span<std::uint8_t> out) {
  const std::uint64_t begin = address - start_;
  if (address < start_ || begin > bytes_.size() || out.size() > bytes_.size() - begin)
    return false;
  std::ranges::copy(bytes_.subspan(begin, out.size()), out.begin());
  return true;
}

} // namespace forkmon
