// Whether numbers are numbers.
#pragma once

#include <stdint.h>

// 1 if none of them is infinite or not a number. Reads the memory once.
int trompe_all_finite(int64_t count, const float *x, int threads);
