// SPDX-License-Identifier: MIT
#include "sensors/bpf_programs.h"

#include "forkmon.skel.h"
#include "forkmon/cgroup_name.h"
#include "sensors/program_setup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <numeric>
#include <string>

namespace forkmon {
namespace {

/// Of the kernel alone (include/linux/errno.h).
constexpr int ENOTSUPP = 524;

/// The last warnings of libbpf, which says there why a load failed.
std::string& libbpf_messages() {
  static std::string messages;
  return messages;
}

int keep_message(libbpf_print_level level, const char* format, va_list args) {
  if (level == LIBBPF_DEBUG)
    return 0;
  std::array<char, 512> line{};
  int length = vsnprintf(line.data(), line.size(), format, args);
  std::string& messages = libbpf_messages();
  constexpr std::size_t keep = 8192;
  if (length > 0 && messages.size() < keep)
    messages += line.data();
  return length;
}

/// libbpf's error, with the first line of what it said about it.
Error libbpf_error(const std::string& what, int error) {
  std::array<char, 128> text{};
  libbpf_strerror(error, text.data(), text.size());
  std::string message = fmt::format("{}: {}", what, text.data());
  const std::string& said = libbpf_messages();
  if (!said.empty())
    message += fmt::format(" ({})", said.substr(0, said.find('\n')));
  return {message, -error};
}

int forward(void* context, void* data, std::size_t size) {
  auto& on_record = *static_cast<std::function<void(std::span<const std::byte>)>*>(context);
  on_record({static_cast<const std::byte*>(data), size});
  return 0;
}

/// Entry by entry, each summed over the CPUs.
template <typename Counts>
Status read_counts_one_by_one(int map_fd, Counts& counts) {
  std::vector<std::uint64_t> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  for (std::uint32_t key = 0; key < counts.size(); key++) {
    if (int error = bpf_map_lookup_elem(map_fd, &key, values.data()); error != 0)
      return libbpf_error("cannot read a counter map", error);
    counts[key] = std::accumulate(values.begin(), values.end(), std::uint64_t{0});
  }
  return ok();
}

/// A whole per-CPU array in one system call, which can be had since Linux 5.13 (f008d732ab18).
template <typename Counts>
Status read_counts(int map_fd, Counts& counts) {
  auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
  std::vector<std::uint32_t> keys(counts.size());
  std::vector<std::uint64_t> values(counts.size() * cpus);
  std::uint32_t next = 0;
  auto count = static_cast<std::uint32_t>(counts.size());
  int error =
      bpf_map_lookup_batch(map_fd, nullptr, &next, keys.data(), values.data(), &count, nullptr);
  if (error == -ENOTSUPP)
    return read_counts_one_by_one(map_fd, counts);
  if (error != 0 && error != -ENOENT) // ENOENT: that was all
    return libbpf_error("cannot read a counter map", error);
  for (std::size_t i = 0; i < count; i++) {
    auto first = values.begin() + static_cast<std::ptrdiff_t>(i * cpus);
    counts[keys[i]] =
        std::accumulate(first, first + static_cast<std::ptrdiff_t>(cpus), std::uint64_t{0});
  }
  return ok();
}

int forward_threaded(void* context, void* data, std::size_t size) {
  auto& on_process = *static_cast<std::function<void(pid_t)>*>(context);
  if (size >= sizeof(fm_threaded))
    on_process(static_cast<pid_t>(static_cast<const fm_threaded*>(data)->pid));
  return 0;
}

int forward_mapped(void* context, void* data, std::size_t size) {
  auto& on_mapped = *static_cast<std::function<void(const fm_mapped&)>*>(context);
  if (size >= sizeof(fm_mapped))
    on_mapped(*static_cast<const fm_mapped*>(data));
  return 0;
}

struct RingDeleter {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
struct SkeletonDeleter {
  void operator()(forkmon_bpf* skeleton) const { forkmon_bpf::destroy(skeleton); }
};

/// Of the two maps the one that was made.
TaskMap task_map(const KernelFeatures& kernel, const bpf_map* storage, const bpf_map* by_pid) {
  return kernel.task_storage ? TaskMap(bpf_map__fd(storage), TaskMap::Key::pidfd)
                             : TaskMap(bpf_map__fd(by_pid), TaskMap::Key::pid);
}

} // namespace

/// Members are destroyed from the last to the first: the ring before the maps it reads.
struct BpfPrograms::State {
  KernelFeatures kernel;
  std::unique_ptr<forkmon_bpf, SkeletonDeleter> skeleton;
  std::unique_ptr<bpf_link, LinkDeleter> page_faults;
  std::unique_ptr<bpf_link, LinkDeleter> task_memory;
  Fd statistics;                 ///< kept open for as long as the kernel is to take them
  std::uint32_t code_ranges = 0; ///< of the `code` map in use
  std::function<void(std::span<const std::byte>)> on_record;
  std::unique_ptr<ring_buffer, RingDeleter> ring;
  std::function<void(pid_t)> on_threaded;
  std::unique_ptr<ring_buffer, RingDeleter> threaded_ring;
  std::function<void(const fm_mapped&)> on_mapped;
  std::unique_ptr<ring_buffer, RingDeleter> mapped_ring;
};

BpfPrograms::BpfPrograms(std::unique_ptr<State> state) : state_(std::move(state)) {}
BpfPrograms::~BpfPrograms() = default;

Result<std::unique_ptr<BpfPrograms>> BpfPrograms::load(const BpfSettings& settings) {
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  libbpf_set_print(keep_message);
  libbpf_messages().clear();
  auto state = std::make_unique<State>();
  state->skeleton.reset(forkmon_bpf::open());
  if (!state->skeleton)
    return libbpf_error("cannot open the BPF programs", -errno);
  state->kernel = KernelFeatures::of_running_kernel();
  if (auto done = set_up(settings, state->kernel, *state->skeleton); !done)
    return done.error();
  if (int error = forkmon_bpf::load(state->skeleton.get()); error != 0)
    return libbpf_error("the kernel refuses the BPF programs", error);
  if (settings.run_statistics) {
    state->statistics = Fd(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (!state->statistics)
      return libbpf_error("cannot have the kernel time BPF programs", -errno);
  }
  int ring_fd = bpf_map__fd(state->skeleton->maps.events);
  state->ring.reset(ring_buffer__new(ring_fd, forward, &state->on_record, nullptr));
  if (!state->ring)
    return libbpf_error("cannot map the ring buffer", -errno);
  int threaded_fd = bpf_map__fd(state->skeleton->maps.threaded);
  state->threaded_ring.reset(
      ring_buffer__new(threaded_fd, forward_threaded, &state->on_threaded, nullptr));
  if (!state->threaded_ring)
    return libbpf_error("cannot map the ring buffer", -errno);
  int mapped_fd = bpf_map__fd(state->skeleton->maps.mapped);
  state->mapped_ring.reset(ring_buffer__new(mapped_fd, forward_mapped, &state->on_mapped, nullptr));
  if (!state->mapped_ring)
    return libbpf_error("cannot map the ring buffer", -errno);
  return std::unique_ptr<BpfPrograms>(new BpfPrograms(std::move(state)));
}

Status BpfPrograms::attach_lifecycle() {
  if (int error = forkmon_bpf::attach(state_->skeleton.get()); error != 0)
    return libbpf_error("cannot attach to the fork, exec and exit tracepoints", error);
  return ok();
}

Status BpfPrograms::attach_page_faults() {
  bpf_program* program = state_->skeleton->progs.on_page_fault;
  if (auto reason = why_no_probes())
    return Error{*reason};
  if (!bpf_program__autoload(program))
    return Error{"the kernel has no tracepoint page_fault_user, which x86 and RISC-V have"};
  state_->page_faults.reset(bpf_program__attach(program));
  if (!state_->page_faults)
    return libbpf_error("cannot attach to the tracepoint page_fault_user", -errno);
  return ok();
}

bool BpfPrograms::sees_page_faults() const {
  return state_->page_faults != nullptr;
}

Result<Fd> BpfPrograms::open_task_memory() {
  bpf_program* program = state_->skeleton->progs.list_task_memory;
  if (!bpf_program__autoload(program))
    return Error{"the kernel has no BPF iterator of tasks, which came with Linux 5.8"};
  if (!state_->task_memory)
    state_->task_memory.reset(bpf_program__attach_iter(program, nullptr));
  if (!state_->task_memory)
    return libbpf_error("cannot make an iterator of tasks", -errno);
  Fd tasks(bpf_iter_create(bpf_link__fd(state_->task_memory.get())));
  if (!tasks)
    return libbpf_error("cannot list the tasks", -errno);
  return tasks;
}

int BpfPrograms::call_program_fd(Tier tier) const {
  const auto& programs = state_->skeleton->progs;
  return bpf_program__fd(tier == Tier::hot ? programs.on_hot_call : programs.on_cold_call);
}

int BpfPrograms::mapped_files_program_fd() const {
  return bpf_program__fd(state_->skeleton->progs.list_mapped_files);
}

int BpfPrograms::own_mapping_program_fd() const {
  return bpf_program__fd(state_->skeleton->progs.what_is_mapped_at);
}

TaskMap BpfPrograms::families() const {
  const auto& maps = state_->skeleton->maps;
  return task_map(state_->kernel, maps.families, maps.families_by_pid);
}

TaskMap BpfPrograms::taints() const {
  const auto& maps = state_->skeleton->maps;
  return task_map(state_->kernel, maps.taints, maps.taints_by_pid);
}

std::optional<std::string> BpfPrograms::why_no_probes() const {
  return state_->kernel.why_no_calls();
}

Status BpfPrograms::set_site(const fm_site& site, std::uint32_t place) {
  int fd = bpf_map__fd(state_->skeleton->maps.sites);
  if (int error = bpf_map_update_elem(fd, &site, &place, BPF_ANY); error != 0)
    return libbpf_error("cannot record a probe site", error);
  return ok();
}

Status BpfPrograms::set_carried(std::uint32_t account, const fm_carried& carried) {
  int fd = bpf_map__fd(state_->skeleton->maps.carried);
  if (int error = bpf_map_update_elem(fd, &account, &carried, BPF_ANY); error != 0)
    return libbpf_error("cannot record what a family carries", error);
  return ok();
}

/// The file's entry comes last, so that the kernel never sees a part that is not filled yet.
Status BpfPrograms::set_code(const fm_file& file, std::span<const fm_code_range> ranges) {
  const auto& maps = state_->skeleton->maps;
  fm_file_code code{};
  if (bpf_map_lookup_elem(bpf_map__fd(maps.files), &file, &code) == 0)
    return ok();
  std::uint32_t first = state_->code_ranges;
  if (ranges.size() > FM_MAX_CODE_RANGES - first)
    return Error{fmt::format("no more than {} pieces of code can be told apart in page faults",
                             FM_MAX_CODE_RANGES)};
  std::uint32_t next = first;
  for (const fm_code_range& range : ranges) {
    if (int error = bpf_map_update_elem(bpf_map__fd(maps.code), &next, &range, BPF_ANY); error != 0)
      return libbpf_error("cannot record a function's code", error);
    next++;
  }
  code = {first, next - first};
  if (int error = bpf_map_update_elem(bpf_map__fd(maps.files), &file, &code, BPF_ANY); error != 0)
    return libbpf_error("cannot record a file's code", error);
  state_->code_ranges = next;
  state_->skeleton->bss->code_generation++;
  return ok();
}

std::string BpfPrograms::cgroup_name(std::uint64_t id) const {
  std::array<char, FM_CGROUP_NAME_LEN> name{};
  if (bpf_map_lookup_elem(bpf_map__fd(state_->skeleton->maps.cgroup_names), &id, name.data()) != 0)
    return "";
  return {name.data(), strnlen(name.data(), name.size())};
}

int BpfPrograms::ring_fd() const {
  return ring_buffer__epoll_fd(state_->ring.get());
}

std::size_t BpfPrograms::consume(const std::function<void(std::span<const std::byte>)>& on_record) {
  state_->on_record = on_record;
  int count = ring_buffer__consume(state_->ring.get());
  state_->on_record = nullptr;
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

Result<BpfPrograms::Losses> BpfPrograms::losses() const {
  Losses read{};
  if (auto done = read_counts(bpf_map__fd(state_->skeleton->maps.losses), read); !done)
    return done.error();
  return read;
}

Result<BpfTotals> BpfPrograms::totals() const {
  BpfTotals read;
  read.function_calls.resize(FM_MAX_FUNCTIONS);
  auto totals = system_totals();
  if (!totals)
    return totals.error();
  read.totals = *totals;
  int function_totals = bpf_map__fd(state_->skeleton->maps.function_totals);
  if (auto done = read_counts(function_totals, read.function_calls); !done)
    return done.error();
  return read;
}

Result<std::array<std::uint64_t, FM_TOTAL_COUNT>> BpfPrograms::system_totals() const {
  std::array<std::uint64_t, FM_TOTAL_COUNT> totals{};
  if (auto done = read_counts(bpf_map__fd(state_->skeleton->maps.totals), totals); !done)
    return done.error();
  return totals;
}

Result<fm_account> BpfPrograms::account(std::uint32_t number) const {
  std::vector<fm_account> cpus(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  int fd = bpf_map__fd(state_->skeleton->maps.accounts);
  if (int error = bpf_map_lookup_elem(fd, &number, cpus.data()); error != 0)
    return libbpf_error("cannot read an account of probe hits", error);
  fm_account sum{};
  for (const fm_account& cpu : cpus) {
    for (std::size_t tier = 0; tier < FM_TIER_COUNT; tier++)
      sum.hits[tier] += cpu.hits[tier];
    sum.forks += cpu.forks;
    sum.execs += cpu.execs;
    sum.carriers += cpu.carriers;
  }
  return sum;
}

std::vector<BpfRunTime> BpfPrograms::run_times() const {
  std::vector<BpfRunTime> times;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, state_->skeleton->obj) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0)
      times.push_back({bpf_program__name(program), std::chrono::nanoseconds(info.run_time_ns),
                       info.run_cnt, info.recursion_misses});
  }
  return times;
}

int BpfPrograms::threaded_fd() const {
  return ring_buffer__epoll_fd(state_->threaded_ring.get());
}

void BpfPrograms::consume_threaded(const std::function<void(pid_t)>& on_process) {
  state_->on_threaded = on_process;
  ring_buffer__consume(state_->threaded_ring.get());
  state_->on_threaded = nullptr;
}

int BpfPrograms::loader_program_fd() const {
  return bpf_program__fd(state_->skeleton->progs.on_loader);
}

int BpfPrograms::mapped_fd() const {
  return ring_buffer__epoll_fd(state_->mapped_ring.get());
}

void BpfPrograms::consume_mapped(const std::function<void(const fm_mapped&)>& on_mapped) {
  state_->on_mapped = on_mapped;
  ring_buffer__consume(state_->mapped_ring.get());
  state_->on_mapped = nullptr;
}

} // namespace forkmon
