// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CMeter.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// One thread is counted; its numbers are plain words that others may read a moment late.
static mt_meter meter;
static __thread bool counted;
static clockid_t counted_clock;
static volatile bool has_clock;

#define COUNT(field) (counted ? (void)(meter.field++) : (void)0)

// Allocation: the executable's own symbols come before glibc's.
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);
void *malloc(size_t n) { COUNT(allocations); return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { COUNT(allocations); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { COUNT(allocations); return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { COUNT(allocations); return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
    COUNT(allocations);
    *p = __libc_memalign(a, n);
    return *p ? 0 : ENOMEM;
}
void free(void *p) { if (p) COUNT(frees); __libc_free(p); }

// Reference counts: the Swift runtime calls through these pointers when it is told to.
extern void *(*_swift_retain)(void *), *(*_swift_retain_n)(void *, uint32_t);
extern void (*_swift_release)(void *), (*_swift_release_n)(void *, uint32_t);
extern bool _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly;
static void *(*retain)(void *), *(*retain_n)(void *, uint32_t);
static void (*release)(void *), (*release_n)(void *, uint32_t);
static void *count_retain(void *o) { COUNT(retains); return retain(o); }
static void *count_retain_n(void *o, uint32_t n) { COUNT(retains); return retain_n(o, n); }
static void count_release(void *o) { COUNT(releases); release(o); }
static void count_release_n(void *o, uint32_t n) { COUNT(releases); release_n(o, n); }

// Only while doors alone run Swift: the runtime's swizzled path does not filter small strings.
void mt_meter_references(bool on) {
    if (retain) {
        _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly = on;
        return;
    }
    retain = _swift_retain, retain_n = _swift_retain_n;
    release = _swift_release, release_n = _swift_release_n;
    _swift_retain = count_retain, _swift_retain_n = count_retain_n;
    _swift_release = count_release, _swift_release_n = count_release_n;
    _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly = on;
}

// System calls of the data path, counted on their way to the kernel: by name, and those that are made
// by number.
static long (*kernel)(long, ...);
__attribute__((constructor)) static void find_kernel(void) {
    kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
}
long syscall(long number, ...) {
    COUNT(syscalls);
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    if (!kernel) find_kernel();
    return kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
ssize_t recv(int fd, void *b, size_t n, int f) {
    COUNT(syscalls);
    return kernel(SYS_recvfrom, fd, b, n, f, NULL, NULL);
}
ssize_t send(int fd, const void *b, size_t n, int f) {
    COUNT(syscalls);
    return kernel(SYS_sendto, fd, b, n, f, NULL, 0);
}
ssize_t sendmsg(int fd, const struct msghdr *m, int f) {
    COUNT(syscalls);
    return kernel(SYS_sendmsg, fd, m, f);
}
int epoll_wait(int e, struct epoll_event *v, int n, int t) {
    COUNT(syscalls);
    return (int)kernel(SYS_epoll_wait, e, v, n, t);
}
int epoll_ctl(int e, int o, int fd, struct epoll_event *v) {
    COUNT(syscalls);
    return (int)kernel(SYS_epoll_ctl, e, o, fd, v);
}
int connect(int fd, const struct sockaddr *a, socklen_t n) {
    COUNT(syscalls);
    return (int)kernel(SYS_connect, fd, a, n);
}
int shutdown(int fd, int how) { COUNT(syscalls); return (int)kernel(SYS_shutdown, fd, how); }
int setsockopt(int fd, int l, int o, const void *v, socklen_t n) {
    COUNT(syscalls);
    return (int)kernel(SYS_setsockopt, fd, l, o, v, n);
}
int close(int fd) { COUNT(syscalls); return (int)kernel(SYS_close, fd); }

void mt_meter_begin(void) {
    pthread_getcpuclockid(pthread_self(), &counted_clock);
    has_clock = true;
    counted = true;
}

mt_meter mt_meter_read(void) {
    mt_meter copy = meter;
    struct timespec t = {0};
    if (has_clock) clock_gettime(counted_clock, &t);
    copy.cpu_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    return copy;
}
