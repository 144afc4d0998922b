// SPDX-License-Identifier: MIT
/// The pipeline: kernel → decode → enrich → correlate → findings.
#pragma once

#include "app/discovery.h"
#include "app/known_libraries.h"
#include "app/options.h"
#include "app/stack_filler.h"
#include "app/suspect_arming.h"
#include "app/thread_watch.h"
#include "correlate/child_sweep.h"
#include "correlate/correlator.h"
#include "forkmon/totals.h"
#include "process/enricher.h"
#include "process/forked_processes.h"
#include "sensors/bpf_programs.h"
#include "sensors/probes.h"
#include "sensors/taints.h"
#include "stuck/stuck_children.h"
#include "symbols/unwinder.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>

namespace forkmon {

class Monitor {
public:
  struct Settings {
    bool watched_only = false; ///< look only at families given to watch()
    ProbePolicy probe = ProbePolicy::automatic;
    double probe_budget = 0.01;       ///< of one CPU, for each family that `automatic` arms
    std::size_t ring_bytes = 8 << 20; ///< a power of two, and a multiple of the page size
    bool bpf_stats = false;           ///< have the kernel time our programs
    std::uint32_t stack_bytes = 0;    ///< copied of a stack at a first call; 0: no stacks
    std::chrono::nanoseconds stack_interval{0}; ///< least time between two of the same function
    std::vector<UserFunction> functions{};      ///< watched beside the catalogue's
  };
  using OnFinding = std::function<void(const Finding&)>;

  /// Loads and attaches the sensors. `on_finding` gets every finding, those that nobody prints too.
  static Result<std::unique_ptr<Monitor>> start(const Settings& settings, OnFinding on_finding);

  /// Watches a process and all that come of it from now on, with probes unless the policy is none;
  /// for a command also through its execs.
  Status watch(pid_t pid, Inheritance inheritance);
  /// Takes over children that were forked before we came, by parents that have threads now: their
  /// deadlocks can be proven all the same. Of the whole system, or of one process's family, to
  /// which the process belongs if it was forked itself.
  void adopt_all();
  Status watch_family(pid_t pid);

  /// Readable when the kernel has many records waiting.
  int ring_fd() const { return programs_->ring_fd(); }
  /// Readable when an armed process has mapped code; it may wait for us. Then look(). -1 where no
  /// process is armed.
  int maps_fd() const { return maps_ ? maps_->ready_fd() : -1; }
  void look();
  /// Takes in what the kernel has sent.
  void poll();
  /// poll(), and what has to be done from time to time.
  void tick(std::uint64_t now_ns);
  /// Takes in the rest, and concludes on the children that are still alive.
  void finish(std::uint64_t now_ns);

  std::size_t live_children() const { return correlator_.live_children(); }
  /// Nothing where the kernel's counters cannot be read.
  KernelTotals totals() const;

private:
  Monitor(const Settings& settings, OnFinding on_finding);
  void start_page_faults();
  Status start_probes();
  Status start_thread_watch();
  Status try_probes();
  Status mark(pid_t pid, std::uint32_t flags);
  void learn_libraries(const ForkEvent& fork);
  bool look_at_program(const ForkEvent& fork, std::optional<std::string>& unread);
  void note_unwatched(const ForkEvent& fork, const std::string& why, std::uint64_t until_ns);
  /// Returns the child; nothing where it is known already, or has ended.
  std::optional<ChildRef> adopt(const ForkedProcess& forked);
  void take(std::span<const std::byte> record);
  void process(Event event);
  void report_losses(std::uint64_t now_ns);
  void report_skips(std::uint64_t now_ns);
  void report_loss(std::uint64_t now_ns, const std::string& sensor, std::uint64_t total);
  void sweep(std::uint64_t now_ns);
  void look_for_stuck_children(std::uint64_t now_ns);
  void count_probes(KernelTotals& totals) const;
  void deliver(const std::vector<Finding>& findings) const;

  Settings settings_;
  OnFinding on_finding_;
  FunctionTable functions_;
  Correlator correlator_;
  ChildSweep sweep_;
  Enricher enricher_;
  Symbolizer symbolizer_{Symbolizer::Options{}};
  StackFiller stacks_{symbolizer_};
  std::optional<StuckChildren> stuck_children_; ///< once the programs are loaded
  std::uint64_t last_look_ns_ = 0;
  std::map<std::string, std::uint64_t> reported_losses_;
  std::map<std::string, std::uint64_t> reported_skips_; ///< by program
  std::map<std::string, std::uint64_t> skips_;          ///< by sensor
  std::uint64_t skips_read_ns_ = 0;
  std::uint64_t undecodable_ = 0;
  std::unique_ptr<BpfPrograms> programs_;
  std::unique_ptr<ProbeSensor> probes_;       ///< null without probes; gone before the programs
  std::unique_ptr<MapReader> maps_;           ///< null without probes
  std::unique_ptr<ThreadWatch> thread_watch_; ///< gone before the probes
  std::unique_ptr<KnownLibraries> libraries_;
  std::unique_ptr<Discovery> discovery_; ///< where processes are armed one by one
  using ProcessName = std::pair<std::uint32_t, std::uint64_t>; ///< pid, start
  /// Programs, or processes of them, whose libraries were looked at.
  std::set<std::pair<FileId, ProcessName>> learned_;
  std::unique_ptr<SuspectArming> suspects_; ///< only with ProbePolicy::automatic, system-wide
};

} // namespace forkmon
