// libFuzzer's entry for programs with a main of their own.
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(
    int *count, char ***arguments, int (*read)(const uint8_t *bytes, size_t count));
