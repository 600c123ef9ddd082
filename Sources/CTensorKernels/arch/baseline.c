// Kernels of what every processor of an architecture has: portable C.
#define SUFFIX baseline
#define LEVEL TROMPE_BASELINE
#include "ukernels/ukernels.h"
