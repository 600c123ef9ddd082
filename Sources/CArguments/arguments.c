#include "arguments.h"

static int saved_count;
static char **saved_values;

// The C library gives these to what runs before main; Swift reads them from /proc, which may not be
// there.
__attribute__((constructor)) static void save(int count, char **values) {
  saved_count = count;
  saved_values = values;
}

int arguments_count(void) { return saved_count; }
char **arguments_values(void) { return saved_values; }
