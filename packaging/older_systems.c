// Functions of which newer systems have a newer version: a program that is linked on one would ask for
// it, and would not start on an older system. These name the older version, which newer systems keep.
// Linked by packaging/link.sh with --wrap for each.

#if !defined(__x86_64__)
#error "older_systems.c names the versions of x86-64"
#endif

// glibc 2.35 has new versions that set no errno.
double older_hypot(double x, double y);
float older_hypotf(float x, float y);
__asm__(".symver older_hypot, hypot@GLIBC_2.2.5");
__asm__(".symver older_hypotf, hypotf@GLIBC_2.2.5");

double __wrap_hypot(double x, double y);
float __wrap_hypotf(float x, float y);
double __wrap_hypot(double x, double y) { return older_hypot(x, y); }
float __wrap_hypotf(float x, float y) { return older_hypotf(x, y); }

// std::condition_variable::wait(std::unique_lock<std::mutex> &), noexcept from GCC 12 on.
void older_wait(void *condition, void *lock);
__asm__(".symver older_wait, "
        "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");

void __wrap__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(void *condition, void *lock);
void __wrap__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(void *condition, void *lock) {
  older_wait(condition, lock);
}
