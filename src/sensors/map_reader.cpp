// SPDX-License-Identifier: MIT
#include "sensors/map_reader.h"

#include "util/time.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace forkmon {
namespace {

/// A process may make its loader's hook run as often as it likes. Python loads some fifty modules
/// at its start.
constexpr int max_reads = 64;

/// Forgotten ones are opened again.
constexpr std::size_t max_seen = 4096;

} // namespace

Result<std::unique_ptr<MapReader>> MapReader::create(BpfPrograms& programs) {
  Fd ready(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ready)
    return Error::from_errno("cannot create an eventfd", errno);
  return std::unique_ptr<MapReader>(new MapReader(programs, std::move(ready)));
}

void MapReader::read() {
  std::lock_guard lock(mutex_);
  read_told();
}

std::vector<MapSnapshot> MapReader::take() {
  std::lock_guard lock(mutex_);
  read_told();
  if (snapshots_.empty()) // so nothing was written to it either
    return {};
  std::uint64_t count = 0;
  (void)!::read(ready_.get(), &count, sizeof(count));
  return std::exchange(snapshots_, {});
}

MapSnapshot MapReader::look(pid_t pid) {
  std::lock_guard lock(mutex_);
  MapSnapshot snapshot;
  snapshot.pid = pid;
  snapshot.told_ns = monotonic_now_ns();
  read_map(snapshot);
  return snapshot;
}

void MapReader::start_period() {
  std::lock_guard lock(mutex_);
  reads_.clear();
}

void MapReader::read_told() {
  programs_.consume_mapped([this](const fm_mapped& record) { on(record); });
}

void MapReader::on(const fm_mapped& record) {
  MapSnapshot snapshot;
  snapshot.pid = static_cast<pid_t>(record.pid);
  snapshot.account = record.account;
  snapshot.told_ns = record.time_ns;
  snapshot.execs = record.execs;
  snapshot.is_exec = record.is_exec != 0;
  snapshot.is_stopped = record.is_stopped != 0;
  int& reads = reads_[snapshot.pid];
  if (reads > max_reads && !snapshot.is_stopped) // said once
    return;
  if (reads++ < max_reads || snapshot.is_stopped)
    read_map(snapshot);
  snapshots_.push_back(std::move(snapshot));
  const std::uint64_t one = 1;
  (void)!write(ready_.get(), &one, sizeof(one));
}

/// Through a thread that lives, whose id is returned; 0 where there is none.
pid_t MapReader::read_files(MapSnapshot& snapshot) const {
  auto files = mapped_files_.of(snapshot.pid);
  if (files && !files->empty()) {
    snapshot.files = std::move(*files);
    return snapshot.pid;
  }
  for (pid_t tid : threads_of(snapshot.pid)) { // its first thread has ended
    files = mapped_files_.of(tid);
    if (files && !files->empty()) {
      snapshot.files = std::move(*files);
      return tid;
    }
  }
  return 0;
}

void MapReader::read_map(MapSnapshot& snapshot) {
  snapshot.read_ns = monotonic_now_ns();
  const pid_t tid = read_files(snapshot);
  snapshot.is_read = tid != 0;
  if (seen_.size() >= max_seen)
    seen_.clear();
  for (const MappedFile& file : snapshot.files) {
    if (seen_.contains(file.file))
      continue;
    auto opened = mapped_files_.open(file, tid);
    if (!opened)
      continue; // who takes the snapshot tries again, and says why not
    seen_.insert(file.file);
    snapshot.opened.emplace(file.file, std::move(*opened));
  }
}

} // namespace forkmon
