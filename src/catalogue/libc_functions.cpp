// SPDX-License-Identifier: MIT
//
// The C library's async-signal-unsafe functions: one line each, so that adding one is a line.
//
// Sources: the "AS-Unsafe" marks of the glibc manual, POSIX's list of async-signal-safe functions,
// and glibc's own source for the locks' names. Whether fork() repairs a lock is read from
// posix/fork.c, which knows the malloc arenas, stdio, the NSS switch (nss_database.c), dl_load_lock
// and dl_load_tls_lock, and from __reclaim_stacks; every other lock stays as it was.
//
// Left out on purpose: what is unsafe only because it reads memory that may change (getenv, the
// drand48 family), what cannot wait for a lock (pthread_mutex_trylock, the *_unlocked functions),
// what is unsafe only by calling malloc, which is seen by itself (snprintf, execvp), and fork and
// posix_spawn, which are what a child should call.
#include "catalogue/catalogue.h"

namespace forkmon {
namespace {

using C = Category;
using T = Tier;
using R = Repair;

// Locks that several functions share.
constexpr std::string_view arena = "main_arena mutex";
constexpr std::string_view file = "FILE lock";
constexpr std::string_view file_list = "_IO_list_lock and FILE locks";
constexpr std::string_view own = "the caller's own lock";
constexpr std::string_view env = "envlock";
constexpr std::string_view tz = "tzset_lock";
constexpr std::string_view resolver = "NSS database lock and resolv_conf lock";
constexpr std::string_view nss = "NSS database lock";
constexpr std::string_view utmp = "__libc_utmp_lock";
constexpr std::string_view exit_funcs = "__exit_funcs_lock";
constexpr std::string_view loader = "_dl_load_lock";
constexpr std::string_view locales = "__libc_setlocale_lock";
constexpr std::string_view random_state = "unsafe_state lock";
constexpr std::string_view log = "syslog_lock";
constexpr std::string_view dir = "DIR lock";
constexpr std::string_view gconv = "__gconv_lock";
constexpr std::string_view domains = "_nl_state_lock";
constexpr std::string_view pipes = "proc_file_chain_lock";
constexpr std::string_view aio = "__aio_requests_mutex";

// What to do instead.
constexpr std::string_view h_alloc = "Allocate before fork, or exec at once: use posix_spawn.";
constexpr std::string_view h_stdio = "Use write(2) in the child, or exec at once.";
constexpr std::string_view h_stdin = "Use read(2) in the child, or exec at once.";
constexpr std::string_view h_open = "Open the file before fork, or use open(2) in the child.";
constexpr std::string_view h_flush =
    "Flush before fork; leave the child's streams alone and end with _exit.";
constexpr std::string_view h_own = "A thread that is not in the child may hold it: take it around "
                                   "fork with pthread_atfork, or exec at once.";
constexpr std::string_view h_sem = "Open named semaphores before fork.";
constexpr std::string_view h_thread = "Start threads in a process made by exec, not in a forked "
                                      "one: use posix_spawn, or Python's spawn or forkserver.";
constexpr std::string_view h_cancel = "No other thread exists in the child; end it with _exit.";
constexpr std::string_view h_env =
    "Build the environment before fork and pass it to execve or posix_spawn.";
constexpr std::string_view h_time = "Convert times before fork, or in a process made by exec.";
constexpr std::string_view h_host = "Look names up before fork, or in a process made by exec.";
constexpr std::string_view h_user =
    "Look users and groups up before fork and hand the numbers to the child.";
constexpr std::string_view h_exit = "End the child with _exit.";
constexpr std::string_view h_atexit =
    "Register exit handlers before fork; end the child with _exit.";
constexpr std::string_view h_load = "Load libraries before fork, or exec at once.";
constexpr std::string_view h_locale = "Set the locale before fork.";
constexpr std::string_view h_random = "Use getrandom or random_r in the child.";
constexpr std::string_view h_log =
    "Write messages to a pipe or file with write(2), and let the parent log them.";
constexpr std::string_view h_dir = "List directories before fork, or exec at once.";
constexpr std::string_view h_conv = "Open converters before fork.";
constexpr std::string_view h_text = "Report errno as a number, and let the parent find the text.";
constexpr std::string_view h_tty = "Do it before fork, or in a process made by exec.";
constexpr std::string_view h_spawn =
    "Use posix_spawn, or fork and execve with nothing between them.";

// Where several share an address, the name to report comes first: getc before fgetc.
// clang-format off
constexpr CatalogueEntry entries[] = {
  {"malloc", C::allocator, T::hot, arena, R::yes, h_alloc},
  {"free", C::allocator, T::hot, arena, R::yes, h_alloc},
  {"calloc", C::allocator, T::hot, arena, R::yes, h_alloc},
  {"realloc", C::allocator, T::hot, arena, R::yes, h_alloc},
  {"reallocarray", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"posix_memalign", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"aligned_alloc", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"memalign", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"valloc", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"pvalloc", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"malloc_trim", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"strdup", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"strndup", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"asprintf", C::allocator, T::cold, arena, R::yes, h_alloc},
  {"vasprintf", C::allocator, T::cold, arena, R::yes, h_alloc},

  {"printf", C::stdio, T::cold, file, R::yes, h_stdio},
  {"__printf_chk", C::stdio, T::cold, file, R::yes, h_stdio},
  {"vprintf", C::stdio, T::cold, file, R::yes, h_stdio},
  {"fprintf", C::stdio, T::cold, file, R::yes, h_stdio},
  {"__fprintf_chk", C::stdio, T::cold, file, R::yes, h_stdio},
  {"vfprintf", C::stdio, T::cold, file, R::yes, h_stdio},
  {"__vfprintf_chk", C::stdio, T::cold, file, R::yes, h_stdio},
  {"puts", C::stdio, T::cold, file, R::yes, h_stdio},
  {"fputs", C::stdio, T::cold, file, R::yes, h_stdio},
  {"fputc", C::stdio, T::cold, file, R::yes, h_stdio},
  {"putc", C::stdio, T::cold, file, R::yes, h_stdio},
  {"putchar", C::stdio, T::cold, file, R::yes, h_stdio},
  {"fwrite", C::stdio, T::cold, file, R::yes, h_stdio},
  {"perror", C::stdio, T::cold, file, R::yes, h_stdio},
  {"fread", C::stdio, T::cold, file, R::yes, h_stdin},
  {"fgets", C::stdio, T::cold, file, R::yes, h_stdin},
  {"getc", C::stdio, T::cold, file, R::yes, h_stdin},
  {"fgetc", C::stdio, T::cold, file, R::yes, h_stdin},
  {"getchar", C::stdio, T::cold, file, R::yes, h_stdin},
  {"getline", C::stdio, T::cold, file, R::yes, h_stdin},
  {"getdelim", C::stdio, T::cold, file, R::yes, h_stdin},
  {"__isoc99_scanf", C::stdio, T::cold, file, R::yes, h_stdin},
  {"__isoc99_fscanf", C::stdio, T::cold, file, R::yes, h_stdin},
  {"__isoc23_fscanf", C::stdio, T::cold, file, R::yes, h_stdin},
  {"fopen", C::stdio, T::cold, file_list, R::yes, h_open},
  {"fdopen", C::stdio, T::cold, file_list, R::yes, h_open},
  {"freopen", C::stdio, T::cold, file_list, R::yes, h_open},
  {"fclose", C::stdio, T::cold, file_list, R::yes, h_flush},
  {"fflush", C::stdio, T::cold, file_list, R::yes, h_flush},

  // The manual calls sem_wait, sem_timedwait and pthread_barrier_wait safe; POSIX's list has none
  // of them, and all wait for a thread that the child does not have.
  {"pthread_mutex_lock", C::locks, T::hot, own, R::application, h_own},
  {"pthread_mutex_timedlock", C::locks, T::cold, own, R::application, h_own},
  {"pthread_mutex_clocklock", C::locks, T::cold, own, R::application, h_own},
  {"pthread_rwlock_rdlock", C::locks, T::hot, own, R::application, h_own},
  {"pthread_rwlock_wrlock", C::locks, T::hot, own, R::application, h_own},
  {"pthread_spin_lock", C::locks, T::hot, own, R::application, h_own},
  {"pthread_cond_wait", C::locks, T::cold, own, R::application, h_own},
  {"pthread_cond_timedwait", C::locks, T::cold, own, R::application, h_own},
  {"pthread_cond_clockwait", C::locks, T::cold, own, R::application, h_own},
  {"pthread_barrier_wait", C::locks, T::cold, own, R::application, h_own},
  {"sem_wait", C::locks, T::hot, own, R::application, h_own},
  {"sem_timedwait", C::locks, T::cold, own, R::application, h_own},
  {"sem_clockwait", C::locks, T::cold, own, R::application, h_own},
  {"mtx_lock", C::locks, T::hot, own, R::application, h_own},
  {"cnd_wait", C::locks, T::cold, own, R::application, h_own},
  {"sem_open", C::locks, T::cold, "__sem_mappings_lock", R::no, h_sem},
  {"sem_close", C::locks, T::cold, "__sem_mappings_lock", R::no, h_sem},

  // A thread started in the child runs on copies of locks whose owners are gone: nobody repairs that.
  // The manual calls thrd_create safe, yet it is pthread_create: it allocates and takes a lock.
  {"pthread_create", C::threads, T::cold, "every lock that another thread held at the fork", R::no, h_thread},
  {"thrd_create", C::threads, T::cold, "every lock that another thread held at the fork", R::no, h_thread},
  {"pthread_cancel", C::threads, T::cold, loader, R::yes, h_cancel},
  {"pthread_exit", C::threads, T::cold, loader, R::yes, h_cancel},
  {"aio_read", C::threads, T::cold, aio, R::no, h_thread},

  {"setenv", C::environment, T::cold, env, R::no, h_env},
  {"unsetenv", C::environment, T::cold, env, R::no, h_env},
  {"putenv", C::environment, T::cold, env, R::no, h_env},
  {"clearenv", C::environment, T::cold, env, R::no, h_env},

  {"localtime", C::time, T::cold, tz, R::no, h_time},
  {"localtime_r", C::time, T::cold, tz, R::no, h_time},
  {"gmtime", C::time, T::cold, tz, R::no, h_time}, // __tz_convert takes tzset_lock for UTC, too
  {"gmtime_r", C::time, T::cold, tz, R::no, h_time},
  {"mktime", C::time, T::cold, tz, R::no, h_time},
  {"timegm", C::time, T::cold, tz, R::no, h_time},
  {"tzset", C::time, T::cold, tz, R::no, h_time},
  {"ctime", C::time, T::cold, tz, R::no, h_time},
  {"ctime_r", C::time, T::cold, tz, R::no, h_time},
  {"strftime", C::time, T::cold, tz, R::no, h_time},
  {"strftime_l", C::time, T::cold, tz, R::no, h_time},

  {"getaddrinfo", C::name_service, T::cold, resolver, R::no, h_host},
  {"getnameinfo", C::name_service, T::cold, resolver, R::no, h_host},
  {"gethostbyname", C::name_service, T::cold, resolver, R::no, h_host},
  {"gethostbyname_r", C::name_service, T::cold, resolver, R::no, h_host},
  {"gethostbyaddr", C::name_service, T::cold, resolver, R::no, h_host},
  {"gethostbyaddr_r", C::name_service, T::cold, resolver, R::no, h_host},
  {"getservbyname", C::name_service, T::cold, nss, R::no, h_host},

  {"getpwnam", C::users, T::cold, nss, R::no, h_user},
  {"getpwnam_r", C::users, T::cold, nss, R::no, h_user},
  {"getpwuid", C::users, T::cold, nss, R::no, h_user},
  {"getpwuid_r", C::users, T::cold, nss, R::no, h_user},
  {"getgrnam", C::users, T::cold, nss, R::no, h_user},
  {"getgrnam_r", C::users, T::cold, nss, R::no, h_user},
  {"getgrgid", C::users, T::cold, nss, R::no, h_user},
  {"getgrgid_r", C::users, T::cold, nss, R::no, h_user},
  {"getgrouplist", C::users, T::cold, nss, R::no, h_user},
  {"initgroups", C::users, T::cold, nss, R::no, "Call getgrouplist before fork, and setgroups in the child."},
  {"getspnam", C::users, T::cold, nss, R::no, h_user},
  {"getspnam_r", C::users, T::cold, nss, R::no, h_user},

  {"exit", C::process_exit, T::cold, exit_funcs, R::no, h_exit},
  {"quick_exit", C::process_exit, T::cold, exit_funcs, R::no, h_exit},
  {"__cxa_finalize", C::process_exit, T::cold, exit_funcs, R::no, h_exit},
  {"atexit", C::process_exit, T::cold, exit_funcs, R::no, h_atexit},
  {"__cxa_atexit", C::process_exit, T::cold, exit_funcs, R::no, h_atexit},
  {"on_exit", C::process_exit, T::cold, exit_funcs, R::no, h_atexit},
  {"__cxa_at_quick_exit", C::process_exit, T::cold, exit_funcs, R::no, h_atexit},

  {"dlopen", C::dynamic_loading, T::cold, loader, R::yes, h_load},
  {"dlclose", C::dynamic_loading, T::cold, loader, R::yes, h_load},
  {"dlsym", C::dynamic_loading, T::cold, loader, R::yes, h_load},
  {"dlvsym", C::dynamic_loading, T::cold, loader, R::yes, h_load},
  {"dladdr", C::dynamic_loading, T::cold, loader, R::yes, h_load},
  {"dl_iterate_phdr", C::dynamic_loading, T::cold, "_dl_load_write_lock", R::no, h_load}, // fork resets the other two only
  {"backtrace", C::dynamic_loading, T::cold, loader, R::yes, h_load},

  {"setlocale", C::locale, T::cold, locales, R::no, h_locale},
  {"newlocale", C::locale, T::cold, locales, R::no, h_locale},
  {"freelocale", C::locale, T::cold, locales, R::no, h_locale},

  {"random", C::random, T::cold, random_state, R::no, h_random},
  {"srandom", C::random, T::cold, random_state, R::no, h_random},
  {"rand", C::random, T::cold, random_state, R::no, h_random},
  {"srand", C::random, T::cold, random_state, R::no, h_random},

  {"syslog", C::syslog, T::cold, log, R::no, h_log},
  {"__syslog_chk", C::syslog, T::cold, log, R::no, h_log},
  {"vsyslog", C::syslog, T::cold, log, R::no, h_log},
  {"__vsyslog_chk", C::syslog, T::cold, log, R::no, h_log},
  {"openlog", C::syslog, T::cold, log, R::no, h_log},
  {"closelog", C::syslog, T::cold, log, R::no, h_log},
  {"setlogmask", C::syslog, T::cold, log, R::no, h_log},

  // A DIR belongs to the application like a mutex of its own: glibc's fork knows FILE locks only.
  {"opendir", C::directory, T::cold, arena, R::yes, h_dir},
  {"fdopendir", C::directory, T::cold, arena, R::yes, h_dir},
  {"readdir", C::directory, T::cold, dir, R::application, h_dir},
  {"closedir", C::directory, T::cold, dir, R::application, h_dir},
  {"scandir", C::directory, T::cold, arena, R::yes, h_dir},
  {"glob", C::directory, T::cold, arena, R::yes, h_dir},
  {"nftw", C::directory, T::cold, arena, R::yes, h_dir},

  {"iconv_open", C::conversion, T::cold, gconv, R::no, h_conv},
  {"iconv_close", C::conversion, T::cold, gconv, R::no, h_conv},

  {"gettext", C::messages, T::cold, domains, R::no, h_text},
  {"dgettext", C::messages, T::cold, domains, R::no, h_text},
  {"dcgettext", C::messages, T::cold, domains, R::no, h_text},
  {"strerror", C::messages, T::cold, domains, R::no, h_text},
  {"strsignal", C::messages, T::cold, domains, R::no, h_text},

  {"getpass", C::terminal, T::cold, file_list, R::yes, h_tty},
  {"ttyname", C::terminal, T::cold, arena, R::yes, h_tty},
  {"getutent", C::terminal, T::cold, utmp, R::no, h_tty},
  {"pututline", C::terminal, T::cold, utmp, R::no, h_tty},

  {"popen", C::process_creation, T::cold, pipes, R::since_2_41, h_spawn},
  {"pclose", C::process_creation, T::cold, pipes, R::since_2_41, h_spawn},
  {"system", C::process_creation, T::cold, "lock in sysdeps/posix/system.c", R::no, h_spawn},
  {"wordexp", C::process_creation, T::cold, nss, R::no, h_spawn},
};
// clang-format on

} // namespace

std::span<const CatalogueEntry> libc_catalogue() {
  return entries;
}

} // namespace forkmon
