// SPDX-License-Identifier: MIT
/// Owner of the BPF programs and maps.
#pragma once

#include "forkmon/probe_usage.h"
#include "forkmon/wire.h"
#include "sensors/kernel_features.h"
#include "sensors/task_map.h"
#include "util/fd.h"
#include "util/result.h"

#include <array>
#include <chrono>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

/// What cannot be changed once the programs are loaded.
struct BpfSettings {
  bool watched_only = false;        ///< look only at processes that FamilyMap marked as watched
  bool all_armed = false;           ///< every process carries probes
  bool contexts_are_swapped = true; ///< see can_keep_contexts_apart()
  std::uint32_t stack_bytes = FM_MAX_STACK_BYTES; ///< copied at a first call; 0: no stacks
  std::chrono::nanoseconds stack_interval{0};     ///< of an executable and function; 0: every one
  std::size_t ring_bytes = 8U << 20U; ///< a power of two, and a multiple of the page size
  bool run_statistics = false; ///< have the kernel time all BPF programs, which costs each some ns
};

/// Exact counts kept by the kernel, summed over its CPUs.
struct BpfTotals {
  std::array<std::uint64_t, FM_TOTAL_COUNT> totals{};
  std::vector<std::uint64_t> function_calls; ///< by function id
};

/// Of one program, since it was loaded (struct bpf_prog_info).
struct BpfRunTime {
  std::string program;
  std::chrono::nanoseconds time{0};
  std::uint64_t runs = 0;
  std::uint64_t skipped = 0; ///< because the program was at work on that CPU; counted always
};

/// The loaded programs. Detached and unloaded when it goes.
class BpfPrograms {
public:
  /// Loads the programs. Fails where the kernel has no BTF or refuses them, and says which.
  static Result<std::unique_ptr<BpfPrograms>> load(const BpfSettings& settings);
  ~BpfPrograms();
  BpfPrograms(const BpfPrograms&) = delete;
  BpfPrograms& operator=(const BpfPrograms&) = delete;

  /// Attaches the lifecycle sensor: from here on children are tainted.
  Status attach_lifecycle();

  /// Attaches the page-fault sensor. Fails where the kernel has no tracepoint for it.
  Status attach_page_faults();
  bool sees_page_faults() const;

  /// To be read to its end: a struct fm_task_memory for each task that may share the memory of a
  /// forked child.
  Result<Fd> open_task_memory();

  /// The program that a tier's probe events run (perf_event_open(2), PERF_EVENT_IOC_SET_BPF).
  int call_program_fd(Tier tier) const;
  TaskMap families() const;
  TaskMap taints() const;

  /// Why the kernel lends no probes, whatever tracefs says; nothing where it does.
  std::optional<std::string> why_no_probes() const;

  /// The programs of bpf/mapped_files.bpf.c; negative where the kernel cannot iterate over the
  /// mappings of one task (before Linux 6.1). Then the kernel side leaves FileId::object 0.
  int mapped_files_program_fd() const;
  int own_mapping_program_fd() const;

  /// Names what is probed at a site: an FM_PLACE.
  Status set_site(const fm_site& site, std::uint32_t place);

  /// Names the functions in a file's code, for the page-fault sensor. `ranges` must be sorted and
  /// may not overlap; what was said of a file first stays.
  Status set_code(const fm_file& file, std::span<const fm_code_range> ranges);

  /// Says what the family of an account carries now.
  Status set_carried(std::uint32_t account, const fm_carried& carried);

  /// Of the group that ForkEvent::cgroup_id names: its last part, or that of a group above which
  /// may be a container's. Empty where it is not known. Raw bytes.
  std::string cgroup_name(std::uint64_t id) const;

  /// Readable when the kernel thinks that records are worth a wake-up.
  int ring_fd() const;
  /// Hands over every record that is there now; returns how many.
  std::size_t consume(const std::function<void(std::span<const std::byte>)>& on_record);

  /// Records that did not fit, by enum fm_sensor.
  using Losses = std::array<std::uint64_t, FM_SENSOR_COUNT>;
  Result<Losses> losses() const;
  Result<BpfTotals> totals() const;
  /// The same without the calls by function, which take longer to read.
  Result<std::array<std::uint64_t, FM_TOTAL_COUNT>> system_totals() const;
  /// What an account has been charged since the programs were loaded, summed over the CPUs.
  Result<fm_account> account(std::uint32_t number) const;

  /// What the programs have run, by name. Times and runs are 0 unless the kernel keeps statistics
  /// of them (kernel.bpf_stats_enabled, BPF_ENABLE_STATS).
  std::vector<BpfRunTime> run_times() const;

  /// Readable when an armed process has started its first thread. May be used from another thread.
  int threaded_fd() const;
  void consume_threaded(const std::function<void(pid_t)>& on_process);

  /// The program of dynamic loaders' hooks (bpf/discovery.bpf.c).
  int loader_program_fd() const;
  /// Readable when an armed process has mapped code.
  int mapped_fd() const;
  void consume_mapped(const std::function<void(const fm_mapped&)>& on_mapped);

private:
  struct State;
  explicit BpfPrograms(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

} // namespace forkmon
