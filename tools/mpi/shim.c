// What Trompe uses of MPI, compiled by the user's mpicc ("make mpi"), so that nobody else needs MPI
// and any implementation will do. Trompe loads it at run time. Every function returns 0 or an MPI
// error, but where it says so.
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Counts of MPI are ints: larger arrays of bytes go in parts.
static const int64_t largest_part = 1 << 28;

static int processes;
// Floats that are summed up at a time: few enough to stay in a cache, and enough for a message,
// which has a process's part of them.
static int64_t piece;
// Every process's values of the part that this one sums up, and a piece that has no equal parts.
static float *values_of_all, *padded;

// Of these functions; Trompe refuses another.
int trompe_mpi_version(void) { return 1; }

// - returns: 0, an MPI error, -1 if calls from another thread than the first are not allowed, or -2
// if memory is short.
int trompe_mpi_begin(int *rank, int *count) {
  int level;
  // The thread that exchanges shares its core with those that compute: Open MPI's is to let them.
  setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  int status = MPI_Init_thread(0, 0, MPI_THREAD_SERIALIZED, &level);
  if (status) return status;
  if (level < MPI_THREAD_SERIALIZED) return -1;
  if ((status = MPI_Comm_rank(MPI_COMM_WORLD, rank))) return status;
  if ((status = MPI_Comm_size(MPI_COMM_WORLD, count))) return status;
  processes = *count;
  piece = processes > 64 ? (int64_t)processes << 14 : 1 << 20;
  const int64_t room = piece + processes;
  values_of_all = malloc(room * sizeof(float));
  padded = malloc(room * sizeof(float));
  return values_of_all && padded ? 0 : -2;
}

// Sums up `part` values for each process: everyone adds a part, in the order of the processes, and
// gives it to all. MPI_Allreduce may add in another order from one network or version to the next.
static int sum_parts(float *values, int part) {
  int status =
      MPI_Alltoall(values, part, MPI_FLOAT, values_of_all, part, MPI_FLOAT, MPI_COMM_WORLD);
  if (status) return status;
  for (int process = 1; process < processes; process++) {
    const float *other = values_of_all + (int64_t)process * part;
    for (int i = 0; i < part; i++) values_of_all[i] += other[i];
  }
  return MPI_Allgather(values_of_all, part, MPI_FLOAT, values, part, MPI_FLOAT, MPI_COMM_WORLD);
}

// Replaces values by their sums over all processes: the same bytes in each of them, and every time.
int trompe_mpi_sum(float *values, int64_t count) {
  while (count > 0) {
    const int64_t most = piece - piece % processes;
    const int64_t now = count < most ? count : most;
    const int part = (int)((now + processes - 1) / processes);
    int status;
    if (now % processes == 0) {
      status = sum_parts(values, part);
    } else {
      memcpy(padded, values, now * sizeof(float));
      memset(padded + now, 0, (processes - now % processes) * sizeof(float));
      status = sum_parts(padded, part);
      memcpy(values, padded, now * sizeof(float));
    }
    if (status) return status;
    values += now;
    count -= now;
  }
  return 0;
}

// Gives every process the bytes of one.
int trompe_mpi_broadcast(void *bytes, int64_t count, int root) {
  char *next = bytes;
  while (count > 0) {
    const int64_t part = count < largest_part ? count : largest_part;
    const int status = MPI_Bcast(next, (int)part, MPI_BYTE, root, MPI_COMM_WORLD);
    if (status) return status;
    next += part;
    count -= part;
  }
  return 0;
}

// Gives every process a number of each.
int trompe_mpi_gather_numbers(int64_t number, int64_t *all) {
  return MPI_Allgather(&number, 1, MPI_INT64_T, all, 1, MPI_INT64_T, MPI_COMM_WORLD);
}

// Gives every process the bytes of each, one after the other: sizes[r] of process r, together less
// than 2^31.
int trompe_mpi_gather_bytes(const void *own, const int64_t *sizes, void *all) {
  int rank, status = MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (status) return status;
  int *counts = malloc(2 * processes * sizeof(int)), *starts = counts + processes;
  if (!counts) return MPI_ERR_NO_MEM;
  for (int process = 0, start = 0; process < processes; process++) {
    counts[process] = (int)sizes[process];
    starts[process] = start;
    start += counts[process];
  }
  status =
      MPI_Allgatherv(own, counts[rank], MPI_BYTE, all, counts, starts, MPI_BYTE, MPI_COMM_WORLD);
  free(counts);
  return status;
}

int trompe_mpi_end(void) { return MPI_Finalize(); }
