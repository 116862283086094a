// SPDX-License-Identifier: Apache-2.0
// Linux calls that Swift's Glibc module does not show (GNU-only names, variadic calls, macros).
// Every wrapper returns the result, or -errno: no thread-local read on the Swift side.
// _GNU_SOURCE must not be defined here: it changes types that Glibc has imported already.
#pragma once
#include <errno.h>
#include <malloc.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MT_RESULT(call) ({ long mt_r = (long)(call); mt_r < 0 ? -(long)errno : mt_r; })

extern long syscall(long number, ...);

static inline int64_t mt_now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static inline int64_t mt_monotonic(void) { return mt_now(CLOCK_MONOTONIC); }
static inline int64_t mt_realtime(void) { return mt_now(CLOCK_REALTIME); }
static inline int64_t mt_thread_cpu(void) { return mt_now(CLOCK_THREAD_CPUTIME_ID); }

// Sockets.
static inline long mt_socket(int family, int type, int protocol) {
    return MT_RESULT(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}
static inline long mt_accept(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return MT_RESULT(syscall(SYS_accept4, fd, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}
static inline long mt_connect(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return MT_RESULT(connect(fd, (const struct sockaddr *)address, length));
}
static inline long mt_bind(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return MT_RESULT(bind(fd, (const struct sockaddr *)address, length));
}
static inline long mt_listen(int fd, int backlog) { return MT_RESULT(listen(fd, backlog)); }
static inline long mt_getsockname(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return MT_RESULT(getsockname(fd, (struct sockaddr *)address, &length));
}
static inline long mt_getpeername(int fd, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return MT_RESULT(getpeername(fd, (struct sockaddr *)address, &length));
}
// The C library's recv and send are points of cancellation and pay for it with two calls each; nobody
// here cancels threads.
static inline long mt_recv(int fd, void *buffer, size_t length) {
    return MT_RESULT(syscall(SYS_recvfrom, fd, buffer, length, MSG_DONTWAIT, NULL, NULL));
}
static inline long mt_peek(int fd, void *buffer, size_t length) {
    return MT_RESULT(recv(fd, buffer, length, MSG_DONTWAIT | MSG_PEEK));
}
// Reads and forgets: with MSG_TRUNC TCP moves on without copying.
static inline long mt_skip(int fd, size_t length) {
    return MT_RESULT(recv(fd, NULL, length, MSG_DONTWAIT | MSG_TRUNC));
}
// `more`: the last bytes wait for what must follow at once, more bytes or the FIN.
static inline long mt_send(int fd, const void *buffer, size_t length, int more) {
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    return MT_RESULT(syscall(SYS_sendto, fd, buffer, length, flags, NULL, 0));
}
static inline long mt_send2(
    int fd, const void *a, size_t a_length, const void *b, size_t b_length, int more) {
    struct iovec parts[2] = {{(void *)a, a_length}, {(void *)b, b_length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    return MT_RESULT(syscall(SYS_sendmsg, fd, &message, flags));
}
// Both ends are non-blocking. SPLICE_F_NONBLOCK is 2, which only GNU's header names.
static inline long mt_pipe(int *ends) { return MT_RESULT(syscall(SYS_pipe2, ends, O_NONBLOCK | O_CLOEXEC)); }
static inline long mt_splice(int from, int to, size_t length) {
    return MT_RESULT(syscall(SYS_splice, from, NULL, to, NULL, length, 2u));
}
static inline long mt_setsockopt_int(int fd, int level, int name, int value) {
    return MT_RESULT(setsockopt(fd, level, name, &value, sizeof value));
}
static inline long mt_getsockopt_int(int fd, int level, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    long result = MT_RESULT(getsockopt(fd, level, name, &value, &length));
    return result < 0 ? result : value;
}
// Bytes that the kernel holds for the peer: sent and not acknowledged, or not yet sent.
static inline long mt_unsent(int fd) {
    int value = 0;
    long result = MT_RESULT(ioctl(fd, SIOCOUTQ, &value));
    return result < 0 ? result : value;
}
// The smoothed round trip of a TCP connection in microseconds; 0 when there was none so far.
static inline long mt_round_trip(int fd) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    memset(&info, 0, sizeof info);
    long result = MT_RESULT(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
    return result < 0 ? result : (long)info.tcpi_rtt;
}
static inline long mt_shutdown(int fd, int how) { return MT_RESULT(shutdown(fd, how)); }
static inline long mt_reset_on_close(int fd) {
    struct linger linger = {1, 0};
    return MT_RESULT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

// Datagram batches. `struct mmsghdr` needs _GNU_SOURCE, so the same layout is declared here.
struct mt_mmsghdr {
    struct msghdr msg_hdr;
    unsigned int msg_len;
};
static inline long mt_recvmmsg(int fd, struct mt_mmsghdr *messages, unsigned count) {
    return MT_RESULT(syscall(SYS_recvmmsg, fd, messages, count, MSG_DONTWAIT, 0));
}
static inline long mt_sendmmsg(int fd, struct mt_mmsghdr *messages, unsigned count) {
    return MT_RESULT(syscall(SYS_sendmmsg, fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}
// UDP_SEGMENT, which is not named without _GNU_SOURCE: the kernel makes datagrams of `octets` of one
// message. Negative for a kernel that does not know it.
#define MT_UDP_SEGMENT 103
static const size_t mt_segment_control_size = CMSG_SPACE(sizeof(uint16_t));
static inline long mt_knows_segments(int fd) { return mt_getsockopt_int(fd, IPPROTO_UDP, MT_UDP_SEGMENT); }
static inline size_t mt_put_segment_control(uint8_t *place, uint16_t octets) {
    struct cmsghdr head = {
        .cmsg_len = CMSG_LEN(sizeof octets), .cmsg_level = IPPROTO_UDP, .cmsg_type = MT_UDP_SEGMENT};
    memcpy(place, &head, sizeof head);
    memcpy(place + CMSG_LEN(0), &octets, sizeof octets);
    return mt_segment_control_size;
}

// Events.
static inline long mt_epoll_create(void) { return MT_RESULT(epoll_create1(EPOLL_CLOEXEC)); }
static inline long mt_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return MT_RESULT(epoll_ctl(epoll, operation, fd, &event));
}
static inline long mt_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout) {
    return MT_RESULT(epoll_wait(epoll, events, count, timeout));
}
static inline long mt_eventfd(void) { return MT_RESULT(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
static inline long mt_signalfd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int result = sigprocmask(SIG_BLOCK, &set, 0);
    if (result < 0) return -(long)errno;
    return MT_RESULT(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
static inline long mt_read_signal(int fd) {
    struct signalfd_siginfo info;
    ssize_t n = read(fd, &info, sizeof info);
    return n == sizeof info ? (long)info.ssi_signo : -(long)(n < 0 ? errno : EIO);
}

// Files and processes.
static inline long mt_open(const char *path, int flags, mode_t mode) {
    return MT_RESULT(open(path, flags | O_CLOEXEC, mode));
}
// A step into a folder that cannot be led astray: `name` has no slash, and a link is refused.
static inline long mt_open_at(int folder, const char *name, int flags, mode_t mode) {
    return MT_RESULT(openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC, mode));
}
static inline long mt_read(int fd, void *buffer, size_t length) {
    return MT_RESULT(read(fd, buffer, length));
}
static inline long mt_write(int fd, const void *buffer, size_t length) {
    return MT_RESULT(write(fd, buffer, length));
}
static inline long mt_set_cloexec(int fd, int on) {
    return MT_RESULT(fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0));
}
static inline long mt_duplicate(int fd) { return MT_RESULT(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }
static inline long mt_memfd(const char *name) { return MT_RESULT(syscall(SYS_memfd_create, name, 1u)); }
/* Of the calling thread alone. */
static inline long mt_nice(int value) { return MT_RESULT(setpriority(PRIO_PROCESS, 0, value)); }
static inline long mt_prctl(int option, unsigned long a) { return MT_RESULT(prctl(option, a, 0, 0, 0)); }
static inline void mt_return_memory(void) { malloc_trim(0); }
static inline void mt_map_from(int bytes) {
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, 2 * bytes);
}
static inline long mt_affinity_count(void) {
    unsigned long mask[128];
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    if (bytes < 0) return -(long)errno;
    long count = 0;
    for (long i = 0; i < bytes / (long)sizeof(long); i++) count += __builtin_popcountl(mask[i]);
    return count;
}
static inline int mt_exited(int status) { return WIFEXITED(status); }
static inline int mt_exit_code(int status) { return WEXITSTATUS(status); }
static inline int mt_signaled(int status) { return WIFSIGNALED(status); }
static inline int mt_term_signal(int status) { return WTERMSIG(status); }

// Passing descriptors over a Unix socket: one message, up to 128 descriptors.
#define MT_FDS_MAX 128
static inline long mt_send_fds(int socket, const void *bytes, size_t length, const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * MT_FDS_MAX)];
    struct iovec part = {(void *)bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > MT_FDS_MAX) return -(long)E2BIG;
    if (count > 0) {
        memset(control, 0, sizeof control);
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    }
    return MT_RESULT(sendmsg(socket, &message, MSG_NOSIGNAL));
}
static inline long mt_receive_fds(int socket, void *bytes, size_t length, int *fds, int *count) {
    char control[CMSG_SPACE(sizeof(int) * MT_FDS_MAX)];
    struct iovec part = {bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    *count = 0;
    long n = MT_RESULT(recvmsg(socket, &message, 0x40000000 /* MSG_CMSG_CLOEXEC */));
    if (n < 0) return n;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        int got = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(h), sizeof(int) * (size_t)got);
        *count = got;
    }
    return n;
}
static inline long mt_socketpair(int *pair) {
    return MT_RESULT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
}
// The stop between vfork and exec must touch nothing of the parent's memory: C, not Swift.
static inline long mt_spawn(const char *path, char *const *argv, char *const *envp, const int *keep,
                            int keep_count) {
    pid_t child = vfork();
    if (child < 0) return -(long)errno;
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, 0);
        for (int i = 0; i < keep_count; i++) fcntl(keep[i], F_SETFD, 0);
        execve(path, argv, envp);
        _exit(127);
    }
    for (int i = 0; i < keep_count; i++) fcntl(keep[i], F_SETFD, FD_CLOEXEC);
    return child;
}

// Commands: programs of other people, whose output is read and whose end is certain.

// The reading end does not block; the writing end does, as programs expect of their standard output.
static inline long mt_output_pipe(int *ends) {
    int result = (int)syscall(SYS_pipe2, ends, O_CLOEXEC);
    if (result < 0) return -(long)errno;
    return MT_RESULT(fcntl(ends[0], F_SETFL, O_NONBLOCK));
}
static inline long mt_close_range(unsigned first, unsigned last) {
    return MT_RESULT(syscall(SYS_close_range, first, last, 0));
}
// Whoever has lost its parent becomes our child, so that it can be found, ended and reaped.
static inline long mt_adopt_orphans(void) { return MT_RESULT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); }
// A child that has ended and is left as it is: its number, and that of its group, stay taken.
static inline long mt_ended_child(void) {
    siginfo_t info;
    info.si_pid = 0;
    long result = MT_RESULT(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT));
    return result < 0 ? result : info.si_pid;
}
// Forks for a program that is not ours: a session and group of its own, nothing open but the three
// standard descriptors and the report (as 3, closed when the program begins), signals as at the start
// of a login, no rights, no core file, and an end with whoever has started it. What such a program
// detaches becomes its own child, so that all that is left behind comes to us when it has ended, and
// not before. 0 in the child.
//
// A fork, not vfork: a path on a dead file system would hold up the parent until it lives again. The
// parent has one thread, so the child may do as it likes.
#define MT_COMMAND_FILES 1024
static inline long mt_fork_command(int input, int output, int report) {
    struct sigaction plain;
    struct rlimit none = {0, 0}, files;
    sigset_t empty;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child != 0) return child < 0 ? -(long)errno : child;
    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    for (int number = 1; number < 65; number++) sigaction(number, &plain, 0);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(127);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none);
    // Shells and interpreters that close "all" descriptors would go through a million.
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > MT_COMMAND_FILES) {
        files.rlim_cur = MT_COMMAND_FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    dup2(input, 0);
    dup2(output, 1);
    dup2(output, 2);
    if (report != 3) dup2(report, 3);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, 4u, ~0u, 0);
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, 0);
    return 0;
}
// True while there is a child, ended and not reaped yet or alive.
static inline int mt_has_child(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}
static inline long mt_ignore_signal(int number) {
    return MT_RESULT(signal(number, SIG_IGN) == SIG_ERR ? -1 : 0);
}
