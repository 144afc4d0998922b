// SPDX-License-Identifier: MIT
#include "stuck/wait_site.h"

#include "catalogue/catalogue.h"
#include "util/text.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace forkmon {
namespace {

/// Frames of one lock's implementation, and of the library that it belongs to.
constexpr std::size_t max_frames = 16;

/// "___pthread_mutex_lock@@GLIBC_2.34" and "__GI___pthread_mutex_lock.part.0" are
/// pthread_mutex_lock.
std::string_view plain_name(std::string_view name) {
  name = name.substr(0, name.find('@'));
  if (name.starts_with("__GI_"))
    name.remove_prefix(5);
  name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
  for (std::string_view part : {".part.", ".constprop.", ".isra.", ".cold", ".abi0"})
    name = name.substr(0, name.find(part));
  return name;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Where musl makes system calls that may be cancelled. It has no unwind information, so that the
/// next frame may be the program's, whatever functions of musl lie between.
bool is_call_of_musl(std::string_view full) {
  return full == "sccp" || full == "__syscall_cp" || full == "__syscall_cp_asm" ||
         full == "__cp_begin" || full == "__cp_end";
}

/// What libraries put around the system call.
bool is_plumbing(std::string_view full, std::string_view plain) {
  // musl's are short: the program may have functions of such names, but not with two underscores.
  return plain.starts_with("futex_") || plain.starts_with("lll_lock") ||
         plain.starts_with("do_futex_wait") || plain.starts_with("kernel_vsyscall") ||
         full == "__lock" || full == "__wait" || full == "__futexwait" || full == "__timedwait" ||
         full == "__timedwait_cp" || is_call_of_musl(full) || has(full, "::futex_wait");
}

/// glibc's lll_lock, and musl's lock(): only a C library's own locks wait in there.
bool is_private_lock(std::string_view full, std::string_view plain) {
  return plain.starts_with("lll_lock_wait_private") || full == "__lock";
}

struct Rule {
  std::string_view start; ///< of a plain name
  LockKind kind;
};

// Functions of nptl/ in glibc, of src/thread/ in musl, of libsupc++, and of Go's runtime.
constexpr Rule rules[] = {
    {"pthread_mutex_", LockKind::mutex},
    {"mtx_lock", LockKind::mutex},
    {"mtx_timedlock", LockKind::mutex},
    {"pthread_rwlock_", LockKind::rwlock},
    {"pthread_cond_", LockKind::condition},
    {"cnd_wait", LockKind::condition},
    {"cnd_timedwait", LockKind::condition},
    {"sem_wait", LockKind::semaphore},
    {"sem_timedwait", LockKind::semaphore},
    {"sem_clockwait", LockKind::semaphore},
    {"new_sem_wait", LockKind::semaphore},
    {"new_sem_timedwait", LockKind::semaphore},
    {"pthread_once", LockKind::once},
    {"call_once", LockKind::once},
    {"std::call_once", LockKind::once},
    {"cxa_guard_acquire", LockKind::guard},
    {"flockfile", LockKind::file},
    {"runtime.futex", LockKind::go_runtime},
    {"runtime.lock", LockKind::go_runtime},
    {"runtime.note", LockKind::go_runtime},
    {"runtime.mPark", LockKind::go_runtime},
    {"SpinLock::SlowLock", LockKind::absl}, // of gperftools
    {"SpinLock::SpinLoop", LockKind::absl},
    {"base::internal::SpinLock", LockKind::absl},
    {"AbslInternal", LockKind::absl},
    // No locks.
    {"pthread_barrier_", LockKind::unknown},
    {"pthread_join", LockKind::unknown},
    {"pthread_clockjoin", LockKind::unknown},
    {"pthread_timedjoin", LockKind::unknown},
    {"thrd_join", LockKind::unknown},
};

bool is_rust_lock(std::string_view name) {
  if (has(name, "thread_park") || has(name, "thread::park"))
    return false;
  if (has(name, "parking_lot"))
    return true;
  constexpr std::string_view locks[] = {"mutex", "Mutex", "rwlock",  "RwLock",
                                        "once",  "Once",  "condvar", "Condvar"};
  return (has(name, "std::sys") || has(name, "std::sync")) &&
         std::ranges::any_of(locks, [&](std::string_view lock) { return has(name, lock); });
}

bool is_absl_lock(std::string_view name) {
  return has(name, "absl::") &&
         (has(name, "Mutex::") || has(name, "SpinLock") || has(name, "synchronization_internal::"));
}

/// The kind of lock that a function of this name waits for, whatever library it is in; nothing for
/// a function of another sort.
std::optional<LockKind> kind_by_name(std::string_view full, std::string_view plain) {
  const auto* rule = std::ranges::find_if(
      rules, [&](const Rule& candidate) { return plain.starts_with(candidate.start); });
  if (rule != std::end(rules))
    return rule->kind;
  if (full == "__lockfile") // of musl
    return LockKind::file;
  if (is_rust_lock(full))
    return LockKind::rust_mutex;
  if (is_absl_lock(full))
    return LockKind::absl;
  return std::nullopt;
}

bool is_of_loader(std::string_view plain) {
  return plain.starts_with("dl_") || plain.starts_with("rtld_") ||
         plain.starts_with("tls_get_addr");
}

/// Functions of glibc that the catalogue does not have, by how their names start.
std::optional<LockKind> kind_inside_libc(std::string_view full, std::string_view plain) {
  constexpr std::string_view arenas[] = {
      "int_malloc",  "int_free",  "int_realloc", "int_memalign", "arena_get",
      "tcache_",     "sysmalloc", "systrim",     "mid_memalign", "malloc_",
      "libc_malloc", "libc_free", "libc_calloc", "libc_realloc"};
  if (full.starts_with("_IO_") || full.starts_with("__GI__IO_"))
    return LockKind::file;
  if (is_of_loader(plain))
    return LockKind::loader;
  if (std::ranges::any_of(arenas, [&](std::string_view start) { return plain.starts_with(start); }))
    return LockKind::arena;
  return std::nullopt;
}

const CatalogueEntry* entry_of(std::string_view plain) {
  // The catalogue has some names with underscores: __cxa_atexit.
  auto found = std::ranges::find_if(libc_catalogue(), [&](const CatalogueEntry& entry) {
    return plain_name(entry.function) == plain;
  });
  return found == libc_catalogue().end() ? nullptr : &*found;
}

/// What a function of the catalogue waits for in the C library. exit() runs handlers and flushes
/// stdio: its name alone does not say in which of these it waits.
LockKind kind_of(Category category) {
  switch (category) {
  case Category::allocator:
    return LockKind::arena;
  case Category::stdio:
    return LockKind::file;
  case Category::dynamic_loading:
    return LockKind::loader;
  default:
    return LockKind::libc;
  }
}

bool is_libc_module(const std::string& path) {
  const std::string_view name = base_name(path);
  return name.starts_with("libc.so") || name.starts_with("libc-") ||
         name.starts_with("libc.musl") || name.starts_with("libpthread") || name.starts_with("ld-");
}

/// Has the stack names at all? One that was spoilt may be a single function over and over.
bool has_names(std::span<const Frame> stack) {
  std::string_view first;
  return std::ranges::any_of(stack, [&](const Frame& frame) {
    if (frame.function.empty() || frame.function == first)
      return false;
    return !std::exchange(first, frame.function).empty();
  });
}

/// Reads a stack from its innermost frame outwards until it is clear what is waited for.
class Reader {
public:
  WaitSite read(std::span<const Frame> stack) {
    stack = stack.first(std::min(stack.size(), max_frames));
    site_.is_told = has_names(stack);
    for (const Frame& frame : stack)
      if (!take(frame))
        break;
    return std::move(site_);
  }

private:
  /// False where what is further out does not matter.
  bool take(const Frame& frame) {
    const std::string_view full = frame.function;
    const std::string_view plain = plain_name(full);
    const bool is_libc = is_libc_module(frame.module);
    in_libc_module_ |= is_libc;
    if (plain.empty()) // a static function of the C library, or any of the program's
      return is_libc || frame.module == "[vdso]" || take_caller();
    has_named_libc_ |= is_libc && !is_plumbing(full, plain);
    if (is_plumbing(full, plain)) {
      in_private_lock_ |= is_private_lock(full, plain);
      skips_frames_ = is_call_of_musl(full);
      return true;
    }
    if (site_.is_mutex)
      return take_caller_of_mutex(plain, is_libc);
    if (first_of_libc_.empty())
      if (auto kind = kind_by_name(full, plain))
        return tell(*kind);
    if (plain == "syscall") { // the program's own futex, or that of a library without names
      site_.is_told = true;
      return true;
    }
    // In a static program the C library's functions are those that wait in its private lock, and
    // those of the catalogue.
    const bool is_static = in_private_lock_ && !in_libc_module_ &&
                           (first_of_libc_.empty() || entry_of(plain) != nullptr);
    return is_libc || is_static ? take_libc(full, plain) : take_caller();
  }

  bool tell(LockKind kind) {
    site_.kind = kind;
    site_.is_told = true;
    site_.is_mutex = kind == LockKind::mutex;
    return site_.is_mutex;
  }

  /// Is it a mutex of the loader?
  bool take_caller_of_mutex(std::string_view plain, bool is_libc) {
    if (plain.starts_with("pthread_mutex_") || plain.starts_with("mtx_"))
      return true;
    const CatalogueEntry* entry = is_libc ? entry_of(plain) : nullptr;
    if (is_of_loader(plain) || (entry != nullptr && entry->category == Category::dynamic_loading))
      site_.kind = LockKind::loader;
    return is_libc && site_.kind == LockKind::mutex;
  }

  /// The innermost function of the catalogue says what it is; below it are static ones, where there
  /// are names for these. One that is neither says something only if the stack goes on to who
  /// called the C library: the symbol of a stripped one may be a neighbour's.
  bool take_libc(std::string_view full, std::string_view plain) {
    const CatalogueEntry* entry = entry_of(plain);
    if (first_of_libc_.empty())
      first_of_libc_ = plain;
    if (entry != nullptr) {
      tell(kind_of(entry->category));
      site_.function = entry->function;
      return false;
    }
    if (auto kind = kind_inside_libc(full, plain)) {
      tell(*kind);
      return false;
    }
    return true;
  }

  /// A function of the program, or of another library.
  bool take_caller() {
    if (first_of_libc_.empty() && !(in_private_lock_ && in_libc_module_)) {
      site_.is_in_nameless_libc = in_libc_module_ && !has_named_libc_;
      site_.is_told &= !site_.is_in_nameless_libc && !skips_frames_;
      return false;
    }
    tell(LockKind::libc);
    site_.function = first_of_libc_;
    return false;
  }

  WaitSite site_;
  std::string_view first_of_libc_; ///< the innermost of its functions that is no plumbing
  bool in_private_lock_ = false;
  bool skips_frames_ = false;   ///< the innermost frames of musl may not be on the stack
  bool in_libc_module_ = false; ///< so that the program is no static one
  bool has_named_libc_ = false; ///< a function of the C library that is no plumbing
};

} // namespace

WaitSite wait_site(std::span<const Frame> stack) {
  return Reader().read(stack);
}

} // namespace forkmon
