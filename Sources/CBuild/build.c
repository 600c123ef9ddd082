#include "build.h"

#include <stddef.h>

// Whoever makes a package links a definition that takes the place of this one: packaging/link.sh.
// The build itself cannot know the commit: SwiftPM keeps what a manifest once said of it.
__attribute__((weak)) const char *build_commit(void) { return NULL; }
