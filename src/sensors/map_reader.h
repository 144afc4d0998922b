// SPDX-License-Identifier: MIT
/// What armed processes have mapped, read when the kernel side tells of it (bpf/discovery.bpf.c).
#pragma once

#include "process/proc.h"
#include "sensors/bpf_programs.h"
#include "sensors/mapped_files.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace forkmon {

struct MapSnapshot {
  pid_t pid = 0;
  std::uint32_t account = 0; ///< of its family; 0: nobody told of it
  std::uint64_t told_ns = 0; ///< when the kernel side told of it, CLOCK_MONOTONIC
  std::uint64_t read_ns = 0; ///< when its map was read; 0: it tells too often
  std::uint32_t execs = 0;   ///< task->self_exec_id, where `account` is known
  bool is_exec = false;      ///< it has called exec; else its loader is at work
  bool is_stopped = false;   ///< by SIGSTOP: it waits for us
  bool is_read = false;      ///< false: it had ended, or tells too often
  std::vector<MappedFile> files;
  std::map<FileId, RegularFile> opened; ///< those that no snapshot had before, where that worked
};

/// May be used from two threads: one that reads at once, before a process is gone, and one that
/// works on what was read.
class MapReader {
public:
  static Result<std::unique_ptr<MapReader>> create(BpfPrograms& programs);

  /// Readable when there is something to read().
  int told_fd() const { return programs_.mapped_fd(); }
  /// Readable when there is something to take().
  int ready_fd() const { return ready_.get(); }
  /// Reads the maps of the processes that the kernel side has told of.
  void read();
  /// read(), and hands over all that was read.
  std::vector<MapSnapshot> take();
  /// Reads the map of a process that nobody told of.
  MapSnapshot look(pid_t pid);
  /// From here on processes that told too often are read again.
  void start_period();

private:
  MapReader(BpfPrograms& programs, Fd ready)
      : programs_(programs), mapped_files_(programs), ready_(std::move(ready)) {}
  void read_told();
  void on(const fm_mapped& record);
  void read_map(MapSnapshot& snapshot);
  pid_t read_files(MapSnapshot& snapshot) const;

  std::mutex mutex_; ///< guards what follows; taken by the public functions
  BpfPrograms& programs_;
  MappedFiles mapped_files_;
  Fd ready_; ///< eventfd(2)
  std::vector<MapSnapshot> snapshots_;
  std::set<FileId> seen_;
  std::map<pid_t, int> reads_; ///< in this period
};

} // namespace forkmon
