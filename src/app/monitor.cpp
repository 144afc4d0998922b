// SPDX-License-Identifier: MIT
#include "app/monitor.h"

#include "decode/decode.h"
#include "process/container.h"
#include "process/process_id.h"
#include "sensors/memory_users.h"
#include "util/time.h"

#include <spdlog/spdlog.h>

#include <limits>

namespace forkmon {
namespace {

/// Names of enum fm_sensor, as in metrics and findings.
constexpr std::array<const char*, FM_SENSOR_COUNT> sensor_names{"lifecycle", "probes",
                                                                "page_faults", "discovery"};

/// The sensor that a BPF program is of.
fm_sensor sensor_of(const std::string& program) {
  if (program == "on_hot_call" || program == "on_cold_call")
    return FM_SENSOR_PROBES;
  if (program == "on_page_fault")
    return FM_SENSOR_PAGE_FAULTS;
  return program == "on_loader" ? FM_SENSOR_DISCOVERY : FM_SENSOR_LIFECYCLE;
}

/// Records that made no sense are lost here.
constexpr const char* decoder = "decode";

/// Most children exec or end before anybody has to look at them.
constexpr std::uint64_t watched_age_ns = 100'000'000;
constexpr std::uint64_t look_period_ns = 250'000'000;

} // namespace

Monitor::Monitor(const Settings& settings, OnFinding on_finding)
    : settings_(settings), on_finding_(std::move(on_finding)), correlator_(functions_) {}

Result<std::unique_ptr<Monitor>> Monitor::start(const Settings& settings, OnFinding on_finding) {
  std::unique_ptr<Monitor> monitor(new Monitor(settings, std::move(on_finding)));
  auto programs = BpfPrograms::load({.watched_only = settings.watched_only,
                                     .all_armed = settings.probe == ProbePolicy::all,
                                     .contexts_are_swapped = !can_keep_contexts_apart(),
                                     .stack_bytes = settings.stack_bytes,
                                     .stack_interval = settings.stack_interval,
                                     .ring_bytes = settings.ring_bytes,
                                     .run_statistics = settings.bpf_stats});
  if (!programs)
    return programs.error();
  monitor->programs_ = std::move(*programs);
  monitor->stuck_children_.emplace(
      TaintMap(monitor->programs_->taints()), monitor->symbolizer_,
      [&programs = *monitor->programs_](std::span<const pid_t> pids) {
        return memory_users(programs, pids);
      },
      [&correlator = monitor->correlator_](const ChildKey& child) {
        return correlator.forker_of(child);
      });
  monitor->start_page_faults();
  // Probes first: a child that is tainted with probes everywhere counts as exact.
  if (auto started = monitor->start_probes(); !started)
    return started.error();
  if (auto attached = monitor->programs_->attach_lifecycle(); !attached)
    return attached.error();
  return monitor;
}

/// Shows some calls of children that carry no probes; a system without it still shows the rest.
void Monitor::start_page_faults() {
  if (settings_.watched_only && settings_.probe != ProbePolicy::none)
    return; // the family is armed: its probes see more
  if (auto attached = programs_->attach_page_faults(); !attached)
    spdlog::debug("no page faults are seen: {}", attached.error().message);
}

/// With `auto`, a system that lends no probes still shows tainted children.
Status Monitor::start_probes() {
  Status ready = settings_.probe == ProbePolicy::none ? ok() : try_probes();
  if (ready && probes_)
    return ok();
  if (!ready && (settings_.probe == ProbePolicy::all || settings_.watched_only))
    return ready.error().in("no probes");
  if (!ready)
    spdlog::warn("no probes, so most unsafe calls are not seen: {}", ready.error().message);
  suspects_.reset();
  discovery_.reset();
  thread_watch_.reset();
  maps_.reset();
  probes_.reset();
  libraries_ =
      std::make_unique<KnownLibraries>(*programs_, nullptr, functions_, settings_.functions);
  if (auto added = libraries_->add_own(); !added)
    spdlog::debug("{}", added.error().message);
  return ok();
}

Status Monitor::try_probes() {
  const bool has_budget = settings_.probe == ProbePolicy::automatic && !settings_.watched_only;
  auto probes = ProbeSensor::create(*programs_, has_budget ? Tiers::apart : Tiers::together);
  if (!probes)
    return probes.error();
  probes_ = std::move(*probes);
  libraries_ =
      std::make_unique<KnownLibraries>(*programs_, probes_.get(), functions_, settings_.functions);
  if (auto added = libraries_->add_own(); !added)
    return added;
  auto maps = MapReader::create(*programs_);
  if (!maps)
    return maps.error();
  maps_ = std::move(*maps);
  discovery_ = std::make_unique<Discovery>(
      *maps_, *probes_, *libraries_,
      [this](pid_t pid, std::uint32_t execs) { stacks_.learn(pid, execs); });
  if (has_budget)
    suspects_ = std::make_unique<SuspectArming>(
        *probes_, *libraries_, *discovery_, TaintMap(programs_->taints()), settings_.probe_budget);
  if (settings_.probe == ProbePolicy::all)
    if (auto armed = probes_->arm_everything(); !armed)
      return armed;
  return start_thread_watch();
}

Status Monitor::start_thread_watch() {
  const bool holds = settings_.probe != ProbePolicy::all && !can_keep_contexts_apart();
  auto watch = ThreadWatch::start(*programs_, *probes_, *maps_, holds);
  if (!watch)
    return watch.error();
  thread_watch_ = std::move(*watch);
  return ok();
}

Status Monitor::watch(pid_t pid, Inheritance inheritance) {
  std::uint32_t flags = FM_FAMILY_WATCHED;
  if (inheritance == Inheritance::through_exec)
    flags |= FM_FAMILY_THROUGH_EXEC | FM_FAMILY_STOPS;
  if (!probes_)
    return mark(pid, flags);
  const std::uint64_t now_ns = monotonic_now_ns();
  auto mapped = libraries_->add_of(pid);
  if (!mapped)
    return mapped.error();
  if (auto armed = probes_->arm(pid, inheritance, flags, mapped->mapped); !armed)
    return armed;
  discovery_->note_armed(pid, now_ns);
  return ok();
}

Status Monitor::mark(pid_t pid, std::uint32_t flags) {
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  return FamilyMap(programs_->families()).set(pidfd->get(), {flags, 0, 0});
}

Status Monitor::watch_family(pid_t pid) {
  if (auto watched = watch(pid, Inheritance::until_exec); !watched)
    return watched;
  for (const ForkedProcess& forked : family_of(forked_processes(), pid)) {
    const auto adopted = adopt(forked);
    const Status watched =
        forked.process.pid == pid ? ok() : watch(forked.process.pid, Inheritance::until_exec);
    if (watched && adopted && !adopted->unsure && probes_) // else it has ended by now
      process(ArmedLateEvent{monotonic_now_ns(), adopted->key});
  }
  return ok();
}

void Monitor::adopt_all() {
  for (const ForkedProcess& forked : forked_processes())
    if (forked.is_orphan || forked.parent_threads > 1)
      adopt(forked);
}

std::optional<ChildRef> Monitor::adopt(const ForkedProcess& forked) {
  ForkEvent fork = past_fork(forked);
  if (!TaintMap(programs_->taints()).adopt(fork.child))
    return std::nullopt;
  const ChildRef child = fork.child;
  process(std::move(fork));
  return child;
}

void Monitor::look() {
  if (discovery_)
    for (LateProbesEvent& late : discovery_->catch_up())
      process(std::move(late));
}

/// What was mapped before an event is looked at before the event is believed.
void Monitor::take(std::span<const std::byte> record) {
  look();
  auto event = decode(record);
  if (event)
    process(std::move(*event));
  else
    undecodable_++;
}

void Monitor::process(Event event) {
  if (auto* fork = std::get_if<ForkEvent>(&event)) {
    enricher_.enrich(*fork);
    if (fork->cgroup.empty()) // the processes have ended, and their group may be gone, too
      fork->container = container_of(programs_->cgroup_name(fork->cgroup_id));
    learn_libraries(*fork); // first, because names of a stack may take long to find
    stacks_.fill(*fork);
  } else if (auto* call = std::get_if<CallEvent>(&event))
    stacks_.fill(*call);
  else if (const auto* exe = std::get_if<ExeEvent>(&event))
    enricher_.learn(*exe);
  else if (auto* stuck = std::get_if<StuckEvent>(&event))
    stuck->parent_ended =
        stuck->child.parent_start_ticks != 0 && !is_still(parent_of(stuck->child));
  if (suspects_)
    suspects_->on(event);
  deliver(correlator_.on(event));
}

/// Of processes that are not armed one by one, and so not looked at then. Where probes are
/// everywhere, what is not seen counts as not called: so each process is looked at, as it may have
/// loaded what others of its program have not. Page faults are less than that anyway.
void Monitor::learn_libraries(const ForkEvent& fork) {
  const bool all_armed = probes_ && settings_.probe == ProbePolicy::all;
  if (!all_armed && (probes_ || settings_.watched_only || !programs_->sees_page_faults()))
    return;
  constexpr std::size_t max_learned = 4096;
  const ProcessName parent{fork.child.parent_pid, fork.child.parent_start_ticks};
  if (learned_.size() >= max_learned)
    learned_.clear();
  const auto [learned, is_new] = learned_.insert({fork.exe_id, all_armed ? parent : ProcessName{}});
  if (!is_new)
    return;
  const std::size_t probed = libraries_->probed();
  std::optional<std::string> unread;
  const std::uint64_t scanned = libraries_->scanned();
  bool was_seen = look_at_program(fork, unread);
  if (was_seen && libraries_->scanned() > scanned) // its loader was not probed meanwhile
    was_seen = look_at_program(fork, unread);
  if (!was_seen) // what others of its program had mapped says nothing of it
    learned_.erase(learned);
  if (all_armed && libraries_->probed() > probed) // before, nobody carried these probes
    process(LateProbesEvent{0, monotonic_now_ns(), 0, {}});
  if (all_armed && unread)
    note_unwatched(fork, *unread,
                   was_seen ? std::numeric_limits<std::uint64_t>::max() : monotonic_now_ns());
}

/// The child has the same mapped. False where both have ended: then nothing is known of them. What
/// they map from here on is told.
bool Monitor::look_at_program(const ForkEvent& fork, std::optional<std::string>& unread) {
  const std::array pids{fork.child.parent_pid, fork.child.key.pid};
  if (probes_)
    for (const std::uint32_t pid : pids)
      (void)probes_->mark_watched(static_cast<pid_t>(pid)); // fails only when it has ended
  for (const std::uint32_t pid : pids) {
    if (auto looked = libraries_->add_of(static_cast<pid_t>(pid));
        looked && !looked->mapped.empty() && !looked->ended) {
      unread = std::move(looked->unread);
      return true;
    }
  }
  unread = "its process had ended before it could be looked at";
  return false;
}

/// A process that maps a library which cannot be probed, or of which that is not known.
void Monitor::note_unwatched(const ForkEvent& fork, const std::string& why,
                             std::uint64_t until_ns) {
  const std::uint32_t parent = fork.child.parent_pid;
  if (until_ns > monotonic_now_ns())
    (void)probes_->mark_unread(static_cast<pid_t>(parent)); // fails only when it has ended
  process(LateProbesEvent{
      fork.time_ns, until_ns, parent, {parent}, {InexactCause::library_unread, why}});
}

void Monitor::deliver(const std::vector<Finding>& findings) const {
  for (const Finding& finding : findings)
    on_finding_(finding);
}

void Monitor::poll() {
  programs_->consume([this](std::span<const std::byte> record) { take(record); });
}

void Monitor::tick(std::uint64_t now_ns) {
  poll();
  if (discovery_)
    for (LateProbesEvent& late : discovery_->tick())
      process(std::move(late));
  report_losses(now_ns);
  report_skips(now_ns);
  sweep(now_ns);
  look_for_stuck_children(now_ns);
  if (probes_)
    probes_->release_held();
  if (!suspects_)
    return;
  for (Event& event : suspects_->tick(now_ns, correlator_))
    process(std::move(event));
}

void Monitor::finish(std::uint64_t now_ns) {
  poll();
  report_losses(now_ns);
  report_skips(now_ns);
  deliver(correlator_.finish(now_ns));
}

void Monitor::look_for_stuck_children(std::uint64_t now_ns) {
  if (now_ns - last_look_ns_ < look_period_ns)
    return;
  last_look_ns_ = now_ns;
  auto children = correlator_.children_older_than(now_ns, watched_age_ns);
  const std::uint64_t failed = stuck_children_->spins().failed();
  for (Event& event : stuck_children_->look(children, now_ns))
    process(std::move(event));
  if (stuck_children_->spins().failed() > failed)
    spdlog::debug("a busy child is not sampled: {}", stuck_children_->spins().error());
}

void Monitor::report_losses(std::uint64_t now_ns) {
  auto losses = programs_->losses();
  if (!losses)
    return;
  bool lifecycle_lost = (*losses)[FM_SENSOR_LIFECYCLE] != reported_losses_[sensor_names[0]];
  for (std::size_t i = 0; i < sensor_names.size(); i++)
    report_loss(now_ns, sensor_names[i], (*losses)[i]);
  report_loss(now_ns, decoder, undecodable_);
  if (lifecycle_lost)
    sweep_.hurry();
}

/// A run that the kernel skipped may have been about anybody who lived then.
void Monitor::report_skips(std::uint64_t now_ns) {
  const std::uint64_t from_ns = std::exchange(skips_read_ns_, now_ns);
  for (const BpfRunTime& run : programs_->run_times()) {
    std::uint64_t& reported = reported_skips_[run.program];
    const std::uint64_t skipped = run.skipped - std::exchange(reported, run.skipped);
    if (skipped == 0)
      continue;
    const fm_sensor sensor = sensor_of(run.program);
    process(LossEvent{now_ns, sensor_names[sensor], skipped});
    skips_[sensor_names[sensor]] += skipped;
    if (sensor == FM_SENSOR_PAGE_FAULTS)
      continue; // what it shows is never exact
    const Inexact why{InexactCause::kernel_skipped, ""};
    process(DisarmEvent{from_ns, 0, why.cause});
    process(LateProbesEvent{from_ns, monotonic_now_ns(), 0, {}, why});
  }
}

void Monitor::report_loss(std::uint64_t now_ns, const std::string& sensor, std::uint64_t total) {
  std::uint64_t& reported = reported_losses_[sensor];
  if (total > reported)
    process(LossEvent{now_ns, sensor, total - reported});
  reported = total;
}

/// Ends that were never reported: lost, or of a kind that the kernel side does not see.
void Monitor::sweep(std::uint64_t now_ns) {
  const TaintMap taints(programs_->taints());
  auto ask = [&](const ChildRef& child) { return taints.outcome_of(child); };
  for (const ChildSweep::Gone& gone : sweep_.look(correlator_, now_ns, ask))
    deliver(correlator_.gone(gone.child, now_ns, gone.outcome));
}

void Monitor::count_probes(KernelTotals& totals) const {
  if (!probes_)
    return;
  const ArmedCounts counts = probes_->counts();
  totals.armed_families = counts.families;
  totals.armed_threads = counts.threads;
  totals.probe_descriptors = counts.descriptors;
  totals.probe_descriptors_limit = counts.max_descriptors;
  if (suspects_)
    suspects_->count_in(totals);
}

KernelTotals Monitor::totals() const {
  KernelTotals totals;
  totals.sensor_active = {{"lifecycle", true},
                          {"probes", probes_ != nullptr},
                          {"page_faults", programs_->sees_page_faults()}};
  totals.required_sensors = {"lifecycle"};
  if (settings_.probe != ProbePolicy::none)
    totals.required_sensors.insert("probes");
  count_probes(totals);
  totals.untracked_children = correlator_.untracked();
  totals.unwatched_children = stuck_children_->unwatched();
  for (const BpfRunTime& run : programs_->run_times())
    if (run.runs != 0)
      totals.program_runs[run.program] = {std::chrono::duration<double>(run.time).count(),
                                          run.runs};
  totals.library_errors = libraries_->errors();
  for (const auto& [reason, count] : totals.library_errors)
    totals.libraries_scanned["error"] += count;
  totals.libraries_scanned["ok"] = libraries_->scanned();
  auto read = programs_->totals();
  totals.counters_read = static_cast<bool>(read);
  if (!read)
    return totals;
  totals.forks = read->totals[FM_TOTAL_FORKS];
  totals.vforks = read->totals[FM_TOTAL_VFORKS];
  totals.threads = read->totals[FM_TOTAL_THREADS];
  totals.tainted_forks = read->totals[FM_TOTAL_TAINTED_FORKS];
  totals.probe_hits = read->totals[FM_TOTAL_PROBE_HITS];
  totals.unresolved_hits = read->totals[FM_TOTAL_UNRESOLVED_HITS];
  for (const auto& [sensor, count] : reported_losses_)
    totals.lost[{sensor, sensor == decoder ? "undecodable" : "ring_full"}] = count;
  for (const auto& [sensor, count] : skips_)
    totals.lost[{sensor, "kernel_skipped"}] = count;
  for (FunctionId id = 0; id < functions_.size(); id++)
    if (read->function_calls[id] != 0)
      totals.calls[functions_.find(id)->function] += read->function_calls[id];
  return totals;
}

} // namespace forkmon
