// SPDX-License-Identifier: MIT
#include "sensors/mapped_files.h"

#include "process/mounts.h"
#include "process/overlay_layers.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>

namespace forkmon {
namespace {

/// More executable mappings of files than any program has. What lies beyond is not seen.
constexpr std::size_t max_mappings = 65536;

/// How often a process is looked at that maps or unmaps something meanwhile.
constexpr int max_looks = 3;

FileId from_wire(const fm_file& file) {
  return {file.dev, file.inode, file.object};
}

Error not_asked(const std::string& what, int error) {
  return Error::from_errno("cannot ask the kernel " + what, error);
}

/// One run of the iterator over the mappings of a task.
Result<Fd> start_iterator(int program, pid_t tid) {
  bpf_iter_link_info info{};
  info.task.tid = static_cast<__u32>(tid);
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.iter_info = &info;
  options.iter_info_len = sizeof(info);
  const int link = bpf_link_create(program, 0, BPF_TRACE_ITER, &options);
  if (link < 0)
    return not_asked(fmt::format("what thread {} has mapped", tid), -link);
  const Fd held(link);
  const int iterator = bpf_iter_create(link);
  if (iterator < 0)
    return not_asked(fmt::format("what thread {} has mapped", tid), -iterator);
  return Fd(iterator);
}

/// A page of a file, mapped for as long as this lives.
class MappedPage {
public:
  explicit MappedPage(const Fd& file)
      : page_(mmap(nullptr, 1, PROT_READ, MAP_PRIVATE, file.get(), 0)) {}
  ~MappedPage() {
    if (is_there())
      munmap(page_, 1);
  }
  MappedPage(const MappedPage&) = delete;
  MappedPage& operator=(const MappedPage&) = delete;

  bool is_there() const { return page_ != MAP_FAILED; }
  std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(page_); }

private:
  void* page_;
};

const Mapping* same_in(const AddressSpace& space, const fm_mapping& mapping) {
  const Mapping* found = space.find(mapping.start);
  const bool is_same = found != nullptr && found->start == mapping.start &&
                       found->end == mapping.end && found->file_offset == mapping.file_offset &&
                       found->executable;
  return is_same ? found : nullptr;
}

} // namespace

fm_file to_wire(const FileId& file) {
  return {file.object, file.inode, file.dev, 0};
}

std::optional<std::vector<MappedFile>> with_paths(std::span<const fm_mapping> mappings,
                                                  const AddressSpace& space, bool is_last_look) {
  std::vector<MappedFile> files;
  std::set<FileId> taken;
  for (const fm_mapping& mapping : mappings) {
    const FileId file = from_wire(mapping.file);
    if (taken.contains(file))
      continue;
    const Mapping* shown = same_in(space, mapping);
    if (shown != nullptr) {
      files.push_back(
          {file, mapping.start, mapping.end, mapping.file_offset, shown->dev, shown->path});
      taken.insert(file);
    } else if (!is_last_look) {
      return std::nullopt;
    }
  }
  return files;
}

Result<std::vector<fm_mapping>> MappedFiles::ask_kernel(pid_t tid) const {
  auto iterator = start_iterator(programs_.mapped_files_program_fd(), tid);
  if (!iterator)
    return iterator.error();
  std::vector<fm_mapping> mappings;
  std::array<fm_mapping, 128> chunk;
  while (mappings.size() < max_mappings) {
    const ssize_t got = read(iterator->get(), chunk.data(), sizeof(chunk));
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (got < 0)
      return not_asked(fmt::format("what thread {} has mapped", tid), errno);
    if (got == 0)
      break;
    const auto whole = static_cast<std::size_t>(got) / sizeof(fm_mapping);
    mappings.insert(mappings.end(), chunk.begin(),
                    chunk.begin() + static_cast<std::ptrdiff_t>(whole));
  }
  return mappings;
}

Result<std::vector<MappedFile>> MappedFiles::of(pid_t tid) const {
  if (!can_ask_kernel())
    return mapped_files(tid);
  for (int looks = 1;; looks++) {
    auto mappings = ask_kernel(tid);
    if (!mappings)
      return mappings.error();
    auto space = AddressSpace::of(tid);
    if (!space)
      return space.error();
    if (auto files = with_paths(*mappings, *space, looks == max_looks))
      return std::move(*files);
  }
}

/// Straight through the layers of an overlay where these can be reached, because what an overlay
/// shows is another file once it has been copied up.
Result<RegularFile> MappedFiles::open(const MappedFile& file, pid_t pid) const {
  if (!can_ask_kernel())
    return open_mapped(file, pid);
  if (!device_answers(pid, device_of(file.file)))
    return does_not_answer(file.path);
  auto shown = open_mapped(file, pid);
  if (!shown)
    return shown;
  if (auto below = open_below(*shown, pid, [&](const Fd& fd) { return is(file.file, fd); }))
    return std::move(*below);
  auto opened = identity_of(shown->fd);
  if (!opened)
    return opened.error().in(file.path);
  if (*opened != file.file)
    return Error{file.path + ": replaced or copied up since it was mapped", ESTALE};
  return shown;
}

bool MappedFiles::is(const FileId& file, const Fd& opened) const {
  auto identity = identity_of(opened);
  return identity && *identity == file;
}

Result<FileId> MappedFiles::identity_of(const Fd& file) const {
  const MappedPage page(file);
  if (!page.is_there())
    return Error::from_errno("cannot map the file", errno);
  fm_own_mapping own{};
  own.address = page.address();
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.ctx_in = &own; // where the kernel writes the answer, too (bpf_prog_test_run_syscall())
  options.ctx_size_in = sizeof(own);
  for (int looks = 0; looks < max_looks && own.file.inode == 0; looks++)
    if (int error = bpf_prog_test_run_opts(programs_.own_mapping_program_fd(), &options);
        error != 0)
      return not_asked("which file is mapped", -error);
  if (own.file.inode == 0)
    return Error{"which file is mapped cannot be found out"};
  return from_wire(own.file);
}

} // namespace forkmon
