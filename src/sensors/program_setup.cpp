// SPDX-License-Identifier: MIT
#include "sensors/program_setup.h"

#include "forkmon.skel.h"
#include "process/pid_namespace.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <bit>

namespace forkmon {
namespace {

void apply(const BpfSettings& settings, forkmon_bpf& skeleton) {
  skeleton.rodata->watched_only = settings.watched_only;
  skeleton.rodata->all_armed = settings.all_armed;
  skeleton.rodata->contexts_are_swapped = settings.contexts_are_swapped;
  skeleton.rodata->stack_bytes = settings.stack_bytes;
  skeleton.rodata->stack_interval_ns = static_cast<std::uint64_t>(settings.stack_interval.count());
  skeleton.rodata->wakeup_bytes = settings.ring_bytes / 8;
  auto page = static_cast<unsigned long>(sysconf(_SC_PAGESIZE));
  skeleton.rodata->page_shift = static_cast<std::uint32_t>(std::countr_zero(page));
  bpf_map__set_max_entries(skeleton.maps.events, static_cast<std::uint32_t>(settings.ring_bytes));
  for (bpf_program* probe :
       {skeleton.progs.on_hot_call, skeleton.progs.on_cold_call, skeleton.progs.on_loader})
    bpf_program__set_autoattach(probe, false);                          // attached to uprobe events
  bpf_program__set_autoattach(skeleton.progs.on_page_fault, false);     // may fail alone
  bpf_program__set_autoattach(skeleton.progs.list_mapped_files, false); // for one task at a time
  bpf_program__set_autoattach(skeleton.progs.list_task_memory, false);
}

/// What not every kernel has, and what must not keep the rest from loading.
void choose_optional_programs(const KernelFeatures& kernel, forkmon_bpf& skeleton) {
  const auto& programs = skeleton.progs;
  bpf_program__set_autoload(programs.on_fork, kernel.loops);
  bpf_program__set_autoload(programs.on_fork_without_loop, !kernel.loops);
  for (bpf_program* probe : {programs.on_hot_call, programs.on_cold_call, programs.on_loader})
    bpf_program__set_autoload(probe, kernel.shows_calls());
  bpf_program__set_autoload(programs.on_page_fault,
                            kernel.shows_calls() && kernel.traces_page_faults);
  bpf_program__set_autoload(programs.list_task_memory, kernel.iterates_tasks);
  const bool knows_files = kernel.iterates_one_task && kernel.finds_mappings;
  bpf_program__set_autoload(programs.list_mapped_files, knows_files);
  bpf_program__set_autoload(programs.what_is_mapped_at, knows_files);
  skeleton.rodata->knows_inode_objects = knows_files;
}

/// Whose tasks, and by which numbers. Task storage is found by pidfd, in whatever namespace.
Status choose_tasks(const KernelFeatures& kernel, forkmon_bpf& skeleton) {
  const auto own = own_pid_namespace();
  if (!own)
    return own.error();
  if (own->sees_whole_host())
    return ok();
  if (!kernel.task_storage)
    return Error{fmt::format("before Linux 5.13 forkmon needs the host's pid namespace ({})",
                             ways_to_host_pid_namespace)};
  skeleton.rodata->own_pid_namespace = own->inode;
  return ok();
}

void choose_task_maps(const KernelFeatures& kernel, forkmon_bpf& skeleton) {
  const auto& maps = skeleton.maps;
  for (bpf_map* map : {maps.taints, maps.families, maps.calls})
    bpf_map__set_autocreate(map, kernel.task_storage);
  for (bpf_map* map : {maps.taints_by_pid, maps.families_by_pid})
    bpf_map__set_autocreate(map, !kernel.task_storage);
  skeleton.rodata->has_task_storage = kernel.task_storage;
}

} // namespace

Status set_up(const BpfSettings& settings, const KernelFeatures& kernel, forkmon_bpf& skeleton) {
  apply(settings, skeleton);
  choose_optional_programs(kernel, skeleton);
  choose_task_maps(kernel, skeleton);
  return choose_tasks(kernel, skeleton);
}

} // namespace forkmon
