// SPDX-License-Identifier: MIT
/// Probes of library files: defined once, and opened on threads.
///
/// All sites of a library (and tier, where these are told apart) are one tracefs event. The BPF
/// program is attached to it once, through an anchor: a perf event on a task that never runs what
/// is probed (sensors/anchor.h). Nobody feels a probe before it is opened on a thread.
///
/// An anchored event is not free for strangers: whenever any process maps the file, the kernel
/// looks at each site and asks whether the process is to have it (uprobe_mmap in
/// kernel/events/uprobes.c), 70 us an exec with all sites of libc. So there is an anchor only while
/// the event is open on some thread, and a little longer.
#pragma once

#include "forkmon/event.h"
#include "forkmon/probe_usage.h"
#include "sensors/anchor.h"
#include "sensors/bpf_programs.h"
#include "sensors/perf_event.h"
#include "sensors/tracefs.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

/// The places to probe in one library file.
struct LibrarySites {
  struct Site {
    std::uint64_t offset = 0; ///< in the file
    std::uint32_t place = 0;  ///< FM_PLACE of wire.h
    Tier tier = Tier::cold;
  };
  std::string path;
  FileId file; ///< as the kernel's vm_area_struct has it
  std::vector<Site> sites;
  std::optional<std::uint64_t> loader_hook{}; ///< see LibraryScan::loader_hook
  /// Where the file was reached through an overlay: the kernel looks what that shows whenever it
  /// registers the sites (trace_uprobe_enable() in kernel/trace/trace_uprobe.c), and it shows
  /// another file once this one has been copied up. Else null.
  std::shared_ptr<const Fd> shown_by_overlay{};
};

/// Whether a tier can be taken off alone. That takes a perf event of each thread for each tier.
enum class Tiers { together, apart };

/// As the kernel's vm_area_struct has them.
using Files = std::set<FileId>;

/// A library's event, open on a thread, and what anchors it.
class OpenProbe {
public:
  OpenProbe(std::shared_ptr<const Fd> anchor, Fd event, std::uint64_t opening_ns)
      : anchor_(std::move(anchor)), event_(std::move(event)), opening_ns_(opening_ns) {}

  /// How long it took to open. With the first event of a process the kernel goes through all
  /// processes that map the file, for each site (register_for_each_vma in kernel/events/uprobes.c),
  /// and again when the process's last event goes, as it does at an exec.
  std::uint64_t opening_ns() const { return opening_ns_; }

private:
  std::shared_ptr<const Fd> anchor_; ///< goes after the event
  Fd event_;
  std::uint64_t opening_ns_;
};

class LibraryProbes {
private:
  struct Event {
    std::uint64_t id = 0;
    int program_fd = -1;
    std::size_t sites = 0;
    FileId file{};
    std::shared_ptr<const Fd> shown_by_overlay{};
    std::shared_ptr<const Fd> anchor{};
  };

public:
  /// Events by tier; the last one is of a loader's hook, and goes with the cold tier. A hook is a
  /// single site, and always anchored: that shows from the start whether this system has probes.
  using Defined = std::array<std::optional<Event>, probe_tiers + 1>;

  LibraryProbes(BpfPrograms& programs, Tiers tiers, Anchor anchor, UprobeEvents events)
      : programs_(programs), tiers_(tiers), anchor_(std::move(anchor)), events_(std::move(events)) {
  }

  bool has(const FileId& file) const { return libraries_.contains(file); }
  /// Those of the files whose probes are defined.
  Files known_of(std::span<const FileId> files) const;
  Files all() const;
  /// How many perf events a thread takes that carries the probes of these files, of all tiers.
  std::uint32_t events_in(const Files& files) const;
  /// How many sites of a tier these files have.
  std::size_t sites_in(const Files& files, Tier tier) const;

  /// Takes tens of milliseconds, and changes nothing that the functions above and below look at.
  Result<Defined> define(const LibrarySites& library);
  void add(const FileId& file, Defined defined) { libraries_.emplace(file, std::move(defined)); }

  /// Opens the events of a tier, those of loaders' hooks with the cold one, on a thread; -1: on all
  /// threads of the system. What was opened before an error is kept.
  Status open_tier(pid_t tid, Inheritance inheritance, Tier tier, const Files& files,
                   std::vector<OpenProbe>& opened);
  /// The same without the hooks, and these alone.
  Status open_calls(pid_t tid, Inheritance inheritance, Tier tier, const Files& files,
                    std::vector<OpenProbe>& opened);
  Status open_hooks(pid_t tid, Inheritance inheritance, const Files& files,
                    std::vector<OpenProbe>& opened);

  using Anchors = std::vector<std::shared_ptr<const Fd>>;
  /// Those of events that are open nowhere. When they are closed the kernel unregisters the sites,
  /// which takes it some 60 ms, during which whoever inherits an event waits (event_mutex): so
  /// first close all events that are to be closed.
  Anchors take_unused_anchors();

private:
  Tier tier_of(const LibrarySites::Site& site) const;
  Result<Event> define_tier(const LibrarySites& library, Tier tier);
  Result<Event> define_event(const LibrarySites& library, const std::string& name,
                             std::span<const ProbePoint> points, int program_fd);
  Status open(pid_t tid, Inheritance inheritance, std::size_t event, const Files& files,
              std::vector<OpenProbe>& opened);
  Result<std::shared_ptr<const Fd>> anchor(Event& event) const;
  bool is_of_its_file(const Event& event) const;

  BpfPrograms& programs_;
  Tiers tiers_;
  Anchor anchor_;
  UprobeEvents events_; ///< removed after the anchors that use them
  std::map<FileId, Defined> libraries_;
};

} // namespace forkmon
