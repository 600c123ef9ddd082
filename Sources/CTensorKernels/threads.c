#include "kernels_threads.h"

// libgomp's own entry points. clang's -fopenmp would bring a second runtime and a second pool.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_num_procs(void);
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int count);

typedef struct {
  trompe_parallel_body body;
  void *context;
} Call;

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
  Call *call = data;
  __tsan_acquire(call);
  call->body(call->context, omp_get_thread_num(), omp_get_num_threads());
  __tsan_release(call);
}

int trompe_processor_count(void) { return omp_get_num_procs(); }

void trompe_set_thread_count(int count) { omp_set_num_threads(count < 1 ? 1 : count); }

int trompe_pool_thread_count(void) { return omp_get_max_threads(); }

void trompe_parallel(trompe_parallel_body body, void *context, int threads) {
  if (threads <= 1) {
    body(context, 0, 1);
    return;
  }
  Call call = {body, context};
  __tsan_release(&call);
  GOMP_parallel(enter, &call, (unsigned)threads, 0);
  __tsan_acquire(&call);
}
