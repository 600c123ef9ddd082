// What newer systems have and older ones lack: a program that is linked on a newer one would not start on an
// older one. Linked by packaging/link.sh; what libraries ask for is exported. What only has another version,
// packaging/older_imports.py sees to.

#if !defined(__x86_64__)
#error "older_systems.c names the versions of x86-64"
#endif

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

// --- Starting ------------------------------------------------------------------------------------

// Until glibc 2.33 a program brought the function that calls its constructors; the newer start code has none.
typedef int main_function(int, char **, char **);
typedef void constructor(int, char **, char **);
int __real___libc_start_main(main_function *main, int count, char **arguments,
                             constructor *initialize, void (*finish)(void),
                             void (*finish_loader)(void), void *stack_end);

extern void _init(void);
extern constructor *__init_array_start[] __attribute__((visibility("hidden")));
extern constructor *__init_array_end[] __attribute__((visibility("hidden")));

static void construct(int count, char **arguments, char **environment) {
  _init();
  // As numbers: to C these are two arrays, and no element of one is the end of the other.
  uintptr_t const start = (uintptr_t)__init_array_start, end = (uintptr_t)__init_array_end;
  for (size_t each = 0; each < (end - start) / sizeof(constructor *); ++each) {
    __init_array_start[each](count, arguments, environment);
  }
}

int __wrap___libc_start_main(main_function *main, int count, char **arguments,
                             constructor *initialize, void (*finish)(void),
                             void (*finish_loader)(void), void *stack_end);
int __wrap___libc_start_main(main_function *main, int count, char **arguments,
                             constructor *initialize, void (*finish)(void),
                             void (*finish_loader)(void), void *stack_end) {
  (void)initialize;
  return __real___libc_start_main(main, count, arguments, construct, finish, finish_loader,
                                  stack_end);
}

// --- What glibc 2.32 and 2.33, and GCC 11's libstdc++, have added --------------------------------

// By what these were inline functions for.
enum { layout = 1 };
int __xstat(int version, const char *path, struct stat *result);
int __lxstat(int version, const char *path, struct stat *result);
int __fxstat(int version, int file, struct stat *result);
int __fxstatat(int version, int folder, const char *path, struct stat *result, int flags);
__asm__(".symver __xstat, __xstat@GLIBC_2.2.5");
__asm__(".symver __lxstat, __lxstat@GLIBC_2.2.5");
__asm__(".symver __fxstat, __fxstat@GLIBC_2.2.5");
__asm__(".symver __fxstatat, __fxstatat@GLIBC_2.4");

int stat(const char *path, struct stat *result) { return __xstat(layout, path, result); }
int lstat(const char *path, struct stat *result) { return __lxstat(layout, path, result); }
int fstat(int file, struct stat *result) { return __fxstat(layout, file, result); }
int fstatat(int folder, const char *path, struct stat *result, int flags) {
  return __fxstatat(layout, folder, path, result, flags);
}

// Whether there is but one thread: that there may be several is always safe to say.
extern char __libc_single_threaded;
char __libc_single_threaded = 0;

// std::__throw_bad_array_new_length(), whose exception is a std::bad_alloc.
void _ZSt17__throw_bad_allocv(void);
void _ZSt28__throw_bad_array_new_lengthv(void);
void _ZSt28__throw_bad_array_new_lengthv(void) { _ZSt17__throw_bad_allocv(); }

// std::__exception_ptr::exception_ptr::_M_addref() and _M_release(): what a copy does, and its end.
void _ZNSt15__exception_ptr13exception_ptrC1ERKS0_(void *copy, const void *original);
void _ZNSt15__exception_ptr13exception_ptrD1Ev(void *pointer);
void _ZNSt15__exception_ptr13exception_ptr9_M_addrefEv(void *pointer);
void _ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(void *pointer);
void _ZNSt15__exception_ptr13exception_ptr9_M_addrefEv(void *pointer) {
  void *copy;
  _ZNSt15__exception_ptr13exception_ptrC1ERKS0_(&copy, pointer);
}
void _ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(void *pointer) {
  _ZNSt15__exception_ptr13exception_ptrD1Ev(pointer);
}
