/* SPDX-License-Identifier: MIT */
/*
 * harmless_waits TOTAL WORKERS: tainted children that do nothing but wait, in all the ways that
 * look like a deadlock and are none, until they have waited TOTAL times. Each wait takes from 0.6
 * to 1.6 s, one in ten up to 5 s. A worker ends after 20 waits, and another one is forked. Prints
 *   {"waits": {NAME: COUNT, …}}
 */
#include "stuck.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/time.h>

#define WAITS_OF_A_WORKER 20
#define MAX_WORKERS 2000

#define KINDS 17

/* In memory of all processes. */
static struct {
  unsigned long total;
  unsigned long counts[KINDS];
  sem_t jobs;
  pthread_mutex_t lock;
} * shared;

static int input[2];

/* Of each worker. */
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static uint32_t word;
static int own_end;
static unsigned milliseconds;
static volatile uint32_t result;
static void (*on_alarm)(void);

static void handle(int signal) {
  (void)signal;
  on_alarm();
}

/* Has the handler run once, when the wait has lasted long enough. */
static void call_later(void (*function)(void)) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
  struct itimerval timer = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};
  on_alarm = function;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &timer, NULL);
}

static void post(void) {
  sem_post(&semaphore);
}

static void write_own(void) {
  uint64_t one = 1;
  if (write(own_end, &one, sizeof one) != sizeof one)
    _exit(3);
}

static void wake_word(void) {
  word = 1;
  syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void wait_for_semaphore(void) {
  while (sem_wait(&semaphore) != 0) {
  }
}

static void read_all(int descriptor) {
  uint64_t bytes;
  while (read(descriptor, &bytes, sizeof bytes) < 0) {
  }
}

static void wait_for_word(void) {
  while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
    syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void wait_in_pipe(void) {
  int ends[2];
  check(pipe(ends) == 0, "pipe");
  own_end = ends[1];
  call_later(write_own);
  read_all(ends[0]);
  close(ends[0]);
  close(ends[1]);
}

static void wait_in_eventfd(void) {
  own_end = eventfd(0, 0);
  call_later(write_own);
  read_all(own_end);
  close(own_end);
}

static void* wait_and_post(void* unused) {
  wait_for_semaphore();
  post();
  return unused;
}

static void* hold_for_a_while(void* barrier) {
  pthread_mutex_lock(&mutex);
  pthread_barrier_wait(barrier);
  usleep(milliseconds * 1000);
  word = 1;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void* signal_later(void* barrier) {
  pthread_barrier_wait(barrier);
  usleep(milliseconds * 1000);
  pthread_mutex_lock(&mutex);
  word = 1;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static pthread_t start_waker(void* (*body)(void*)) {
  static pthread_barrier_t barrier;
  pthread_t thread;
  pthread_barrier_init(&barrier, NULL, 2);
  start_thread(body, &barrier, &thread);
  pthread_barrier_wait(&barrier);
  return thread;
}

static void wait_for_mutex(void) {
  pthread_t thread = start_waker(hold_for_a_while);
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  pthread_join(thread, NULL);
}

static void wait_for_condition(void) {
  pthread_t thread = start_waker(signal_later);
  pthread_mutex_lock(&mutex);
  while (word == 0)
    pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
  pthread_join(thread, NULL);
}

static void wait_for_thread(void) {
  pthread_join(start_waker(signal_later), NULL);
}

static void wait_with_threads(void) {
  pthread_t thread;
  start_thread(wait_and_post, NULL, &thread);
  call_later(post);
  wait_for_semaphore();
  post();
  pthread_join(thread, NULL);
}

static int wake_and_end(void* unused) {
  (void)unused;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  usleep(milliseconds * 1000);
  wake_word();
  syscall(SYS_exit, 0);
  return 0;
}

static void wait_for_another(void) {
  static char stack[1 << 16] __attribute__((aligned(16)));
  pid_t other = clone(wake_and_end, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
  check(other > 0, "clone");
  wait_for_word();
  waitpid(other, NULL, 0);
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_with_timeouts(void) {
  uint64_t end = now_ms() + milliseconds;
  pthread_mutex_lock(&mutex);
  while (now_ms() < end) {
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec += 20000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&condition, &mutex, &when);
  }
  pthread_mutex_unlock(&mutex);
}

static void work_for_a_while(void) {
  uint64_t end = now_ms() + milliseconds;
  uint32_t sum = 1;
  while (now_ms() < end) {
    for (uint32_t i = 0; i < 1000000; i++)
      sum = (sum << 1) ^ (sum >> 31 ? 0x04c11db7u : 0) ^ i;
    result = sum;
  }
}

/* Another process stops it in the middle of its wait, and lets it go again. */
static void be_stopped(void) {
  pid_t self = getpid();
  pid_t other = fork();
  check(other >= 0, "fork");
  if (other == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    usleep(milliseconds * 300);
    kill(self, SIGSTOP);
    usleep(milliseconds * 300);
    kill(self, SIGCONT);
    _exit(0);
  }
  call_later(post);
  wait_for_semaphore();
  waitpid(other, NULL, 0);
}

static void wait_for_post(void) {
  call_later(post);
  wait_for_semaphore();
}

static void wait_for_wake(void) {
  call_later(wake_word);
  wait_for_word();
}

static void wait_for_job(void) {
  while (sem_wait(&shared->jobs) != 0) {
  }
}

static void wait_for_lock(void) {
  pthread_mutex_lock(&shared->lock);
  pthread_mutex_unlock(&shared->lock);
}

static void wait_for_input(void) {
  char byte;
  while (read(input[0], &byte, 1) < 0) {
  }
}

static void wait_in_futex(void) {
  struct timespec timeout = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &timeout, NULL, 0);
}

static void sleep_for_a_while(void) {
  usleep(milliseconds * 1000);
}

static const struct {
  const char* name;
  void (*wait)(void);
} kinds[KINDS] = {
    {"semaphore and handler", wait_for_post},
    {"pipe and handler", wait_in_pipe},
    {"eventfd and handler", wait_in_eventfd},
    {"futex and handler", wait_for_wake},
    {"threads and handler", wait_with_threads},
    {"mutex of a thread", wait_for_mutex},
    {"condition of a thread", wait_for_condition},
    {"join of a thread", wait_for_thread},
    {"memory of another process", wait_for_another},
    {"job of the parent", wait_for_job},
    {"lock of the parent", wait_for_lock},
    {"input of the parent", wait_for_input},
    {"condition with timeouts", wait_with_timeouts},
    {"futex with timeout", wait_in_futex},
    {"sleep", sleep_for_a_while},
    {"work", work_for_a_while},
    {"stopped for a while", be_stopped},
};

static void wait_often(void) {
  unsigned seed = (unsigned)getpid();
  for (int i = 0; i < WAITS_OF_A_WORKER; i++) {
    int kind = rand_r(&seed) % KINDS;
    if (kinds[kind].wait == work_for_a_while && rand_r(&seed) % 8 != 0)
      continue; /* else nobody else would run */
    milliseconds = 600 + (unsigned)rand_r(&seed) % (rand_r(&seed) % 10 == 0 ? 4400 : 1000);
    word = 0;
    sem_init(&semaphore, 0, 0);
    kinds[kind].wait();
    signal(SIGALRM, SIG_DFL);
    __atomic_fetch_add(&shared->counts[kind], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&shared->total, 1, __ATOMIC_RELAXED);
  }
}

/* Gives the workers what they wait for. */
static void* serve(void* workers) {
  for (;;) {
    pthread_mutex_lock(&shared->lock);
    usleep(800000);
    pthread_mutex_unlock(&shared->lock);
    for (long i = 0; i < (long)workers / KINDS + 1; i++) {
      sem_post(&shared->jobs);
      if (write(input[1], "x", 1) != 1)
        _exit(5);
    }
    usleep(300000);
  }
  return NULL;
}

static void prepare(void) {
  pthread_mutexattr_t attributes;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(shared != MAP_FAILED, "mmap");
  check(sem_init(&shared->jobs, 1, 0) == 0, "sem_init");
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  check(pthread_mutex_init(&shared->lock, &attributes) == 0, "pthread_mutex_init");
  check(pipe2(input, O_NONBLOCK) == 0, "pipe2");
  check(fcntl(input[0], F_SETFL, 0) == 0, "fcntl");
}

static void say_counts(void) {
  char text[1024];
  int length = 0;
  for (int i = 0; i < KINDS; i++)
    length += snprintf(text + length, sizeof text - (size_t)length, "%s\"%s\": %lu", i ? ", " : "",
                       kinds[i].name, shared->counts[i]);
  say("{\"waits\": {%s}}\n", text);
}

int main(int argc, char** argv) {
  unsigned long total = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
  long workers = argc > 2 ? atol(argv[2]) : 100;
  static pid_t children[MAX_WORKERS];
  pthread_t server;
  if (workers < 1 || workers > MAX_WORKERS)
    return 2;
  prepare();
  start_thread(serve, (void*)workers, &server);
  for (long i = 0; i < workers; i++)
    children[i] = fork_mortal(wait_often);
  while (__atomic_load_n(&shared->total, __ATOMIC_RELAXED) < total) {
    int status = 0;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended <= 0) {
      usleep(5000);
      continue;
    }
    if (status != 0)
      return 6;
    for (long i = 0; i < workers; i++)
      if (children[i] == ended)
        children[i] = fork_mortal(wait_often);
  }
  for (long i = 0; i < workers; i++)
    kill_and_wait(children[i]);
  say_counts();
  return 0;
}
