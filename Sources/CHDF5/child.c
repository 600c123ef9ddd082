#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/// Writes all bytes or gives up.
int hdf5_send(int descriptor, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t sent = write(descriptor, next, count);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
    next += sent;
    count -= (size_t)sent;
  }
  return 0;
}

void hdf5_send_number(int descriptor, uint64_t number) {
  if (hdf5_send(descriptor, &number, sizeof number)) _exit(1);
}

void hdf5_send_bytes(int descriptor, const char *bytes, size_t count) {
  hdf5_send_number(descriptor, count);
  if (hdf5_send(descriptor, bytes, count)) _exit(1);
}

/// Seconds of work in which a child must get on: what goes round in circles is ended. Waiting for a
/// slow disk does not count.
enum { hdf5_patience = 2 };

void hdf5_got_on(void) {
  const struct itimerval time = {{0, 0}, {hdf5_patience, 0}};
  setitimer(ITIMER_PROF, &time, NULL);
}

/// Leaves the child no more memory than it has now and `bytes`, so that what a file claims is not
/// believed. Without /proc there is no limit.
static void hdf5_limit_memory(size_t bytes) {
  char text[64];
  int statm = open("/proc/self/statm", O_RDONLY);
  ssize_t length = statm < 0 ? -1 : read(statm, text, sizeof text - 1);
  if (statm >= 0) close(statm);
  if (length <= 0) return;
  text[length] = 0;
  rlim_t total = (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_max < total) return;
  limit.rlim_cur = total;
  setrlimit(RLIMIT_AS, &limit);
}

/// Starts a child that runs `work` and writes to `*descriptor`. Negative if there is none.
pid_t hdf5_start_child(hdf5_work work, void *context, size_t memory, int *descriptor) {
  int ends[2];
  if (pipe(ends)) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    // Whoever kills the parent means the child as well, which holds the parent's locks.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGPROF, SIGPIPE, SIGTRAP};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    hdf5_limit_memory(memory);
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) dup2(null, STDERR_FILENO);
    hdf5_got_on();
    hdf5_silence_errors();
    work(ends[1], context);
    _exit(0);
  }
  close(ends[1]);
  if (child < 0) close(ends[0]);
  *descriptor = ends[0];
  return child;
}

/// Waits for a child, which is stopped if its pipe was not read to the end. Nonzero if it failed.
int hdf5_finish_child(pid_t child, int descriptor) {
  close(descriptor);
  int status = 0;
  pid_t waited;
  do waited = waitpid(child, &status, 0);
  while (waited < 0 && errno == EINTR);
  return waited != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/// Runs `work` in a child and collects what it sends, up to `limit` bytes. The caller frees
/// `*bytes`. Nonzero if the child failed; what it sent before is there then.
int hdf5_run_child(
    hdf5_work work, void *context, size_t memory, size_t limit, uint8_t **bytes, size_t *length) {
  *bytes = NULL;
  *length = 0;
  int descriptor;
  pid_t child = hdf5_start_child(work, context, memory, &descriptor);
  if (child < 0) return -1;
  size_t capacity = 0;
  int failed = 0;
  for (;;) {
    if (*length == capacity) {
      capacity = capacity ? 2 * capacity : 65536;
      uint8_t *larger = realloc(*bytes, capacity);
      if (!larger) {
        failed = 1;
        break;
      }
      *bytes = larger;
    }
    ssize_t received = read(descriptor, *bytes + *length, capacity - *length);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) failed = 1;
    if (received <= 0) break;
    *length += (size_t)received;
    if (*length > limit) {
      failed = 1;
      break;
    }
  }
  return hdf5_finish_child(child, descriptor) || failed;
}
