#include "kernels_threads.h"

#include <math.h>
#include <unistd.h>

// libgomp's own entry points. clang's -fopenmp would bring a second runtime and a second pool.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern double omp_get_wtime(void);
extern int omp_get_num_threads(void);
extern int omp_get_num_procs(void);
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int count);
extern int sched_getcpu(void);

enum { THREADS_MAX = 64, PROCESSORS_MAX = 256 };

// How fast processors are, each beside the others, for the work of one thread's pool: other work,
// of this machine or of others on the same hardware, takes a part of some for seconds.
typedef struct {
  float speed[PROCESSORS_MAX];  // 0: not known
  int threads;                  // of the last work, and where they were then
  int processor[THREADS_MAX];
} Speeds;

static _Thread_local Speeds known;

typedef struct {
  trompe_parallel_body body;
  void *context;
  int threads;  // that take part, as far as their speeds are known
  float speed[THREADS_MAX];
  // What came of it.
  double share[THREADS_MAX];  // of the work, if it was shared by speed
  double seconds[THREADS_MAX];
  int processor[THREADS_MAX];  // -1 if it was another at the end
} Call;

// The work that this thread takes part in.
static _Thread_local Call *current;

// libgomp lets threads begin and meet in ways that ThreadSanitizer does not see: it is told.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TELLS_THREAD_SANITIZER 1
#endif
#endif
#ifdef TELLS_THREAD_SANITIZER
extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

static void enter(void *data) {
  Call *call = data, *const outer = current;
  __tsan_acquire(call);
  const int thread = omp_get_thread_num(), threads = omp_get_num_threads();
  const int processor = sched_getcpu();
  const double begin = omp_get_wtime();
  current = call;
  call->body(call->context, thread, threads);
  current = outer;
  if (thread < THREADS_MAX) {
    call->seconds[thread] = omp_get_wtime() - begin;
    call->processor[thread] = sched_getcpu() == processor ? processor : -1;
  }
  __tsan_release(call);
}

static float speed_of(int processor) {
  const int is_known = processor >= 0 && processor < PROCESSORS_MAX && known.speed[processor] > 0;
  return is_known ? known.speed[processor] : 1;
}

// Threads are taken to be where they were last.
static void expect(Call *call, int threads) {
  if (threads > THREADS_MAX || known.threads != threads) return;
  call->threads = threads;
  for (int i = 0; i < threads; i++) call->speed[i] = speed_of(known.processor[i]);
}

// Follows how much of its work each did in a second, slowly: who had to wait once is not slow.
static void learn(const Call *call, int threads) {
  const double shortest = 100e-6, step = 0.2;
  if (threads > THREADS_MAX) return;
  known.threads = threads;
  for (int i = 0; i < threads; i++) known.processor[i] = call->processor[i];
  double done = 0, expected = 0;
  for (int i = 0; i < threads; i++) {
    const int processor = call->processor[i];
    if (call->share[i] <= 0 || call->seconds[i] < shortest || processor < 0 ||
        processor >= PROCESSORS_MAX)
      return;
    done += call->share[i] / call->seconds[i];
    expected += speed_of(processor);
  }
  for (int i = 0; i < threads; i++) {
    const double before = speed_of(call->processor[i]);
    const double measured = call->share[i] / call->seconds[i] * expected / done;
    const double near = fmin(fmax(measured, 0.8 * before), 1.25 * before);
    known.speed[call->processor[i]] = (float)(before + step * (near - before));
  }
}

void trompe_set_processor_speed(int processor, float speed) {
  if (processor >= 0 && processor < PROCESSORS_MAX) known.speed[processor] = speed;
}

int trompe_processor_count(void) { return omp_get_num_procs(); }

int64_t trompe_second_level_bytes(void) {
  enum { USUAL = 1 << 20, LEAST = 1 << 18, MOST = 1 << 22 };
  static _Atomic long known_bytes;
  if (!known_bytes) {
#ifdef _SC_LEVEL2_CACHE_SIZE
    const long found = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
    const long found = 0;
#endif
    known_bytes = found <= 0 ? USUAL : found < LEAST ? LEAST : found > MOST ? MOST : found;
  }
  return known_bytes;
}

void trompe_set_thread_count(int count) { omp_set_num_threads(count < 1 ? 1 : count); }

int trompe_pool_thread_count(void) { return omp_get_max_threads(); }

void trompe_parallel(trompe_parallel_body body, void *context, int threads) {
  if (threads <= 1) {
    body(context, 0, 1);
    return;
  }
  Call call = {.body = body, .context = context};
  for (int i = 0; i < THREADS_MAX; i++) call.processor[i] = -1;
  expect(&call, threads);
  __tsan_release(&call);
  GOMP_parallel(enter, &call, (unsigned)threads, 0);
  __tsan_acquire(&call);
  learn(&call, threads);
}

void trompe_share_by_speed(int64_t count, int part, int parts, int64_t *begin, int64_t *end) {
  trompe_share(count, part, parts, begin, end);
  if (!current || parts > THREADS_MAX || count == 0) return;
  if (current->threads == parts) {
    double all = 0, before = 0;
    for (int i = 0; i < parts; i++) {
      all += current->speed[i];
      if (i < part) before += current->speed[i];
    }
    const double first = (double)count * before / all;
    const double last = (double)count * (before + current->speed[part]) / all;
    *begin = (int64_t)(first + 0.5);
    *end = part + 1 == parts ? count : (int64_t)(last + 0.5);
  }
  current->share[part] = (double)(*end - *begin) / (double)count;
}
