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

static void enter(void *data) {
  Call *call = data;
  call->body(call->context, omp_get_thread_num(), omp_get_num_threads());
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
  GOMP_parallel(enter, &call, (unsigned)threads, 0);
}
