#ifndef BUILD_H
#define BUILD_H

/// The commit that a package was built from; null in a program that `swift build` has linked alone.
const char *build_commit(void);

#endif
