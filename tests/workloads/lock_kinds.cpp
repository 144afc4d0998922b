/* SPDX-License-Identifier: MIT */
/* A child for each kind of lock, stuck for ever on what threads of the parent held at the fork.
 * Prints a line for each: {"stuck": PID, "name": …, "lock": kind, "address": "0x…" or null,
 * "owner": TID, 0 for the child itself, or null, "symbol": … or null}. Then waits for a byte, at
 * most 30 s or what WORKLOAD_SECONDS says, and kills them. */
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <link.h>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>
#include <vector>

namespace {

void check(bool good, const char* what) {
  if (!good) {
    std::perror(what);
    _exit(99);
  }
}

struct Logger {
  static Logger& instance() {
    static Logger logger;
    return logger;
  }
  std::mutex mutex;
  int lines = 0;
};

struct Slow {
  explicit Slow(std::atomic<bool>& entered) {
    entered = true;
    for (;;)
      pause();
  }
};

struct Cache {
  char entries[100];
  pthread_mutex_t lock;
};

std::atomic<bool> guard_entered, once_entered, call_once_entered;
std::atomic<int> ready;

pthread_mutex_t normal, recursive, errorcheck, robust, shared, inside_fork, own, own_of_clone;
mtx_t c11;
Cache cache;
pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER, read_by_many = PTHREAD_RWLOCK_INITIALIZER;
pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
pthread_mutex_t of_condition = PTHREAD_MUTEX_INITIALIZER;
pthread_once_t once = PTHREAD_ONCE_INIT;
std::once_flag once_flag;
sem_t semaphore;
FILE* file;
std::promise<int> promise;
std::future<int> future = promise.get_future();
int word[4];

Slow& slow() {
  static Slow only(guard_entered);
  return only;
}

void enter_once() {
  once_entered = true;
  for (;;)
    pause();
}

int in_loader(dl_phdr_info*, size_t, void*) {
  ready++;
  for (;;)
    pause();
  return 0;
}

int nothing(dl_phdr_info*, size_t, void*) {
  return 0;
}

/// Starts a thread that takes something and keeps it; its id.
pid_t hold(const char* name, std::function<void()> take, bool ends = false) {
  struct Holder {
    const char* name;
    std::function<void()> take;
    bool ends;
    std::atomic<pid_t> tid;
    std::atomic<bool> has;
  };
  auto* holder = new Holder{name, std::move(take), ends, 0, false};
  auto body = [](void* argument) -> void* {
    auto* holder = static_cast<Holder*>(argument);
    prctl(PR_SET_NAME, holder->name);
    holder->tid = static_cast<pid_t>(syscall(SYS_gettid));
    holder->take();
    holder->has = true;
    while (!holder->ends)
      pause();
    return nullptr;
  };
  pthread_t thread;
  check(pthread_create(&thread, nullptr, body, holder) == 0, "pthread_create");
  if (ends)
    check(pthread_join(thread, nullptr) == 0, "pthread_join");
  while (!ends && holder->tid == 0)
    usleep(1000);
  // Those whose `take` does not return say by a variable of their own that they have begun.
  for (int i = 0; !ends && !holder->has && i < 200; i++)
    usleep(1000);
  return holder->tid;
}

void prepare(pthread_mutex_t& mutex, int type, bool is_robust = false, bool is_shared = false) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type);
  if (is_robust)
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (is_shared)
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  check(pthread_mutex_init(&mutex, &attributes) == 0, "pthread_mutex_init");
}

std::vector<pid_t> children;

enum class How { fork, bare_fork, clone };

void say(const char* name, const char* lock, const void* address, long owner, const char* symbol) {
  char owner_text[32] = "null", address_text[32] = "null";
  if (owner >= 0)
    std::snprintf(owner_text, sizeof owner_text, "%ld", owner);
  if (address != nullptr)
    std::snprintf(address_text, sizeof address_text, "\"%p\"", address);
  std::string symbol_text = symbol != nullptr ? "\"" + std::string(symbol) + "\"" : "null";
  dprintf(STDOUT_FILENO,
          "{\"stuck\": %d, \"name\": \"%s\", \"lock\": \"%s\", \"address\": %s, \"owner\": %s, "
          "\"symbol\": %s}\n",
          children.back(), name, lock, address_text, owner_text, symbol_text.c_str());
}

void stuck(const std::function<void()>& body, How how = How::fork) {
  pid_t child = how == How::fork ? fork()
                : how == How::bare_fork
                    ? _Fork()
                    : static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  check(child >= 0, "fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    _exit(0);
  }
  children.push_back(child);
}

constexpr long nobody = -1, itself = 0;

void mutexes() {
  struct Case {
    const char* name;
    pthread_mutex_t& mutex;
  };
  prepare(normal, PTHREAD_MUTEX_NORMAL);
  prepare(recursive, PTHREAD_MUTEX_RECURSIVE);
  prepare(errorcheck, PTHREAD_MUTEX_ERRORCHECK);
  prepare(robust, PTHREAD_MUTEX_NORMAL, true);
  prepare(shared, PTHREAD_MUTEX_NORMAL, false, true);
  prepare(cache.lock, PTHREAD_MUTEX_NORMAL);
  for (const Case& each :
       {Case{"normal", normal}, Case{"recursive", recursive}, Case{"errorcheck", errorcheck},
        Case{"robust", robust}, Case{"shared", shared}}) {
    const pid_t tid = hold("holder", [&] { pthread_mutex_lock(&each.mutex); });
    stuck([&] { pthread_mutex_lock(&each.mutex); });
    say(each.name, "mutex", &each.mutex, tid, each.name);
  }
  pid_t tid = hold("holder", [] { pthread_mutex_lock(&cache.lock); });
  stuck([] { pthread_mutex_lock(&cache.lock); });
  say("part", "mutex", &cache.lock, tid, "cache+0x68");
  mtx_init(&c11, mtx_plain);
  tid = hold("holder", [] { mtx_lock(&c11); });
  stuck([] { mtx_lock(&c11); });
  say("c11", "mutex", &c11, tid, "c11");
  tid = hold("rotate_logs", [] { Logger::instance().mutex.lock(); });
  stuck([] { Logger::instance().mutex.lock(); });
  say("std", "mutex", &Logger::instance().mutex, tid, "Logger::instance()::logger");
}

__attribute__((noinline)) void take_twice(pthread_mutex_t& mutex) {
  pthread_mutex_lock(&mutex);
  pthread_mutex_lock(&mutex);
}

void owners() {
  stuck([] { take_twice(own); });
  say("itself", "mutex", &own, itself, "own");
  stuck([] { take_twice(own_of_clone); }, How::clone);
  say("itself, cloned", "mutex", &own_of_clone, itself, "own_of_clone");
  pthread_mutex_lock(&inside_fork);
  stuck([] { pthread_mutex_lock(&inside_fork); });
  say("forker", "mutex", &inside_fork, getpid(), "inside_fork");
  static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER;
  const pid_t tid = hold(
      "leaver", [] { pthread_mutex_lock(&left); }, true);
  stuck([] { pthread_mutex_lock(&left); });
  say("ended", "mutex", &left, tid, "owners()::left");
}

void others() {
  pid_t tid = hold("writer", [] { pthread_rwlock_wrlock(&written); });
  stuck([] { pthread_rwlock_rdlock(&written); });
  say("rwlock, read", "rwlock", &written, tid, "written");
  stuck([] { pthread_rwlock_wrlock(&written); });
  say("rwlock, write", "rwlock", &written, tid, "written");
  hold("reader", [] { pthread_rwlock_rdlock(&read_by_many); });
  stuck([] { pthread_rwlock_wrlock(&read_by_many); });
  say("rwlock, readers", "rwlock", &read_by_many, nobody, "read_by_many");
  stuck([] {
    pthread_mutex_lock(&of_condition);
    for (;;)
      pthread_cond_wait(&condition, &of_condition);
  });
  say("condition", "condition", nullptr, nobody, "condition");
  stuck([] { sem_wait(&semaphore); });
  say("semaphore", "semaphore", &semaphore, nobody, "semaphore");
  hold("once", [] { pthread_once(&once, enter_once); });
  // fork() and _Fork() would let the child begin anew.
  stuck([] { pthread_once(&once, enter_once); }, How::clone);
  say("once", "once", &once, nobody, "once");
  hold("call_once", [] {
    std::call_once(once_flag, [] {
      call_once_entered = true;
      for (;;)
        pause();
    });
  });
  stuck([] { std::call_once(once_flag, [] {}); }, How::clone);
  say("call_once", "once", &once_flag, nobody, "once_flag");
  hold("guard", [] { slow(); });
  stuck([] { slow(); });
  say("guard", "guard", nullptr, nobody, "slow()::only");
  stuck([] { future.wait(); });
  say("future", "unknown", nullptr, nobody, nullptr);
  // A word with the value of a contended mutex, eight bytes before a thread's id.
  word[0] = 2;
  word[2] = tid;
  word[3] = 1;
  stuck([] { syscall(SYS_futex, word, 0x80, 2, nullptr, nullptr, 0); });
  say("word", "unknown", word, nobody, "word");
}

/// Which a child of _Fork() finds as they were.
void of_libc() {
  file = std::fopen("/dev/null", "w");
  const pid_t tid = hold("writes", [] { flockfile(file); });
  stuck([] { std::fputs("text", file); }, How::bare_fork);
  say("file", "file", nullptr, tid, nullptr);
  const int before = ready;
  const pid_t iterates = hold("iterates", [] { dl_iterate_phdr(in_loader, nullptr); });
  while (ready == before)
    usleep(1000);
  stuck([] { dl_iterate_phdr(nothing, nullptr); }, How::bare_fork);
  say("loader", "loader", nullptr, iterates, nullptr);
}

} // namespace

int main() {
  const char* wanted = std::getenv("WORKLOAD_SECONDS");
  const int seconds = wanted != nullptr ? std::atoi(wanted) : 30;
  alarm(static_cast<unsigned>(seconds) + 30);
  prctl(PR_SET_NAME, "innocent main");
  sem_init(&semaphore, 0, 0);
  mutexes();
  owners();
  others();
  of_libc();
  dprintf(STDOUT_FILENO, "{\"all\": %zu}\n", children.size());
  pollfd input{STDIN_FILENO, POLLIN, 0};
  poll(&input, 1, seconds * 1000);
  for (pid_t child : children)
    kill(child, SIGKILL);
  for (pid_t child : children)
    waitpid(child, nullptr, 0);
  _exit(0);
}
