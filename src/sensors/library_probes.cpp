// SPDX-License-Identifier: MIT
#include "sensors/library_probes.h"

#include "sensors/mapped_files.h"
#include "util/time.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace forkmon {
namespace {

/// Of the loader's hook, in LibraryProbes::Defined.
constexpr std::size_t loader = probe_tiers;

} // namespace

Files LibraryProbes::known_of(std::span<const FileId> files) const {
  Files known;
  for (const FileId& file : files)
    if (libraries_.contains(file))
      known.insert(file);
  return known;
}

Files LibraryProbes::all() const {
  Files files;
  for (const auto& [file, library] : libraries_)
    files.insert(file);
  return files;
}

std::uint32_t LibraryProbes::events_in(const Files& files) const {
  std::uint32_t events = 0;
  for (const FileId& file : files)
    for (const auto& event : libraries_.at(file))
      events += event ? 1 : 0;
  return events;
}

std::size_t LibraryProbes::sites_in(const Files& files, Tier tier) const {
  std::size_t sites = 0;
  for (const FileId& file : files)
    if (const auto& event = libraries_.at(file)[index(tier)])
      sites += event->sites;
  return sites;
}

Tier LibraryProbes::tier_of(const LibrarySites::Site& site) const {
  return tiers_ == Tiers::apart ? site.tier : Tier::cold;
}

Result<LibraryProbes::Defined> LibraryProbes::define(const LibrarySites& library) {
  Defined defined;
  for (Tier tier : tiers) {
    if (std::ranges::none_of(library.sites,
                             [&](const auto& site) { return tier_of(site) == tier; }))
      continue;
    auto event = define_tier(library, tier);
    if (!event)
      return event.error();
    defined[index(tier)] = std::move(*event);
  }
  if (library.loader_hook) {
    const ProbePoint hook{library.path, *library.loader_hook};
    auto event = define_event(library, fmt::format("loader_{}", libraries_.size()),
                              std::span(&hook, 1), programs_.loader_program_fd());
    if (!event)
      return event.error();
    if (auto anchored = anchor(*event); !anchored)
      return anchored.error();
    defined[loader] = std::move(*event);
  }
  return defined;
}

Result<LibraryProbes::Event> LibraryProbes::define_tier(const LibrarySites& library, Tier tier) {
  std::vector<ProbePoint> points;
  for (const auto& site : library.sites) {
    if (tier_of(site) != tier)
      continue;
    points.push_back({library.path, site.offset});
    if (auto done = programs_.set_site({to_wire(library.file), site.offset}, site.place); !done)
      return done.error();
  }
  return define_event(library, fmt::format("{}_{}", to_string(tier), libraries_.size()), points,
                      programs_.call_program_fd(tier));
}

Result<LibraryProbes::Event> LibraryProbes::define_event(const LibrarySites& library,
                                                         const std::string& name,
                                                         std::span<const ProbePoint> points,
                                                         int program_fd) {
  auto id = events_.define(name, points);
  if (!id)
    return id.error().in("cannot define probes");
  return Event{.id = *id,
               .program_fd = program_fd,
               .sites = points.size(),
               .file = library.file,
               .shown_by_overlay = library.shown_by_overlay};
}

/// Of what the overlay shows now: an open descriptor stays with what it showed when it was opened.
bool LibraryProbes::is_of_its_file(const Event& event) const {
  if (!event.shown_by_overlay)
    return true;
  const auto link = fmt::format("/proc/self/fd/{}", event.shown_by_overlay->get());
  const Fd now(::open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return now && MappedFiles(programs_).is(event.file, now);
}

/// The one that there is, or a new one. A file is copied up once and for all: if it was not by the
/// time that its sites are registered, they are in the right file.
Result<std::shared_ptr<const Fd>> LibraryProbes::anchor(Event& event) const {
  if (event.anchor)
    return event.anchor;
  auto opened = open_tracepoint(event.id, anchor_.pid(), Inheritance::none);
  if (!opened)
    return opened.error();
  if (!is_of_its_file(event))
    return Error{"a library has been copied up by its overlay since, and cannot be probed", ESTALE};
  if (auto done = attach_program(*opened, event.program_fd); !done)
    return done.error();
  event.anchor = std::make_shared<const Fd>(std::move(*opened));
  return event.anchor;
}

LibraryProbes::Anchors LibraryProbes::take_unused_anchors() {
  Anchors unused;
  for (auto& [file, events] : libraries_)
    for (Tier tier : tiers)
      if (auto& event = events[index(tier)]; event && event->anchor.use_count() == 1)
        unused.push_back(std::move(event->anchor));
  return unused;
}

Status LibraryProbes::open(pid_t tid, Inheritance inheritance, std::size_t event,
                           const Files& files, std::vector<OpenProbe>& opened) {
  for (const FileId& file : files) {
    auto& defined = libraries_.at(file)[event];
    if (!defined)
      continue;
    auto anchored = anchor(*defined);
    if (!anchored)
      return anchored.error();
    const std::uint64_t start_ns = monotonic_now_ns();
    auto fd = open_tracepoint(defined->id, tid, inheritance);
    if (!fd)
      return fd.error();
    opened.emplace_back(std::move(*anchored), std::move(*fd), monotonic_now_ns() - start_ns);
  }
  return ok();
}

Status LibraryProbes::open_calls(pid_t tid, Inheritance inheritance, Tier tier, const Files& files,
                                 std::vector<OpenProbe>& opened) {
  return open(tid, inheritance, index(tier), files, opened);
}

Status LibraryProbes::open_hooks(pid_t tid, Inheritance inheritance, const Files& files,
                                 std::vector<OpenProbe>& opened) {
  return open(tid, inheritance, loader, files, opened);
}

Status LibraryProbes::open_tier(pid_t tid, Inheritance inheritance, Tier tier, const Files& files,
                                std::vector<OpenProbe>& opened) {
  auto done = open_calls(tid, inheritance, tier, files, opened);
  return done && tier == Tier::cold ? open_hooks(tid, inheritance, files, opened) : done;
}

} // namespace forkmon
