// One thread pool for everybody: oneDNN runs on libgomp, so our own loops enter the same pool.
#pragma once

#include <stdint.h>

// Number of processor cores that this process may use.
int trompe_processor_count(void);
// Second-level cache of one core, as far as the system says; 1 MB otherwise.
int64_t trompe_second_level_bytes(void);
// Number of threads that parallel work started from the calling thread uses: to set, to ask for.
void trompe_set_thread_count(int count);
int trompe_pool_thread_count(void);

// Calls body(context, thread, threads) once on each of up to `threads` threads of the pool and
// waits. Which part of the work a thread does must follow from `thread` and `threads` alone, so
// that results are the same in every run, unless a result does not depend on who makes it.
typedef void (*trompe_parallel_body)(void *context, int thread, int threads);
void trompe_parallel(trompe_parallel_body body, void *context, int threads);

// The `part`-th of `parts` nearly equal runs of 0..<count.
static inline void trompe_share(int64_t count, int part, int parts, int64_t *begin, int64_t *end) {
  int64_t base = count / parts, rest = count % parts;
  *begin = base * part + (part < rest ? part : rest);
  *end = *begin + base + (part < rest ? 1 : 0);
}

// The part-th of `parts` runs of 0..<count by how fast the threads of the pool were of late, for a
// body that is called by trompe_parallel as thread `part` of `parts`: the others wait for the
// slowest. Only where results do not depend on who makes them.
void trompe_share_by_speed(int64_t count, int part, int parts, int64_t *begin, int64_t *end);
// How fast a processor is beside the others, in parallel work that is started from the calling
// thread, until that is measured again.
void trompe_set_processor_speed(int processor, float speed);
