// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CMeter.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

// The origin: reads until an empty line, answers.
static char answer[70000];
static size_t answer_length;
static int origin_listener;

static void *origin(void *unused) {
    (void)unused;
    int e = epoll_create1(0);
    struct epoll_event v = {.events = EPOLLIN, .data.fd = origin_listener}, events[64];
    epoll_ctl(e, EPOLL_CTL_ADD, origin_listener, &v);
    static char buffer[65536];
    for (;;) {
        int n = epoll_wait(e, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == origin_listener) {
                int c = accept(fd, NULL, NULL), one = 1;
                setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                v.data.fd = c;
                epoll_ctl(e, EPOLL_CTL_ADD, c, &v);
                continue;
            }
            ssize_t got = recv(fd, buffer, sizeof buffer, 0);
            if (got <= 0) { close(fd); continue; }
            if (memmem(buffer, (size_t)got, "\r\n\r\n", 4)) send(fd, answer, answer_length, MSG_NOSIGNAL);
        }
    }
    return NULL;
}

uint16_t mt_origin_start(int size) {
    // A cache takes what is dated long ago to be stale.
    char date[64];
    time_t now = time(NULL);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    answer_length = (size_t)snprintf(answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: %s\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", date, size);
    memset(answer + answer_length, 'x', (size_t)size);
    answer_length += (size_t)size;
    origin_listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = loopback(0);
    socklen_t length = sizeof a;
    if (bind(origin_listener, (struct sockaddr *)&a, sizeof a) || listen(origin_listener, 512)) return 0;
    getsockname(origin_listener, (struct sockaddr *)&a, &length);
    pthread_t thread;
    pthread_create(&thread, NULL, origin, NULL);
    return ntohs(a.sin_port);
}

static int open_connection(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = loopback(port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) { close(fd); return -1; }
    return fd;
}

static const char keep[] =
    "GET /1024/path/of/some/length?and=query HTTP/1.1\r\nHost: bench.test\r\n"
    "User-Agent: benchmark/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n";
static const char last[] =
    "GET /1024/path/of/some/length?and=query HTTP/1.1\r\nHost: bench.test\r\n"
    "User-Agent: benchmark/1.0\r\nAccept: */*\r\nConnection: close\r\n\r\n";

int64_t mt_http_drive(uint16_t port, int connections, int64_t requests, bool close_each) {
    int e = epoll_create1(0);
    struct epoll_event v = {.events = EPOLLIN}, events[256];
    int64_t begun = 0, done = 0;
    static char buffer[65536];
    const char *text = close_each ? last : keep;
    size_t length = strlen(text);
    for (int i = 0; i < connections; i++) {
        v.data.fd = open_connection(port);
        if (v.data.fd < 0) return -1;
        epoll_ctl(e, EPOLL_CTL_ADD, v.data.fd, &v);
        send(v.data.fd, text, length, MSG_NOSIGNAL);
        begun++;
    }
    while (done < begun) {
        int n = epoll_wait(e, events, 256, 5000);
        if (n <= 0) return -2;
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            ssize_t got = recv(fd, buffer, sizeof buffer, 0);
            if (got < 15 || memcmp(buffer, "HTTP/1.1 200 OK", 15)) return -3;
            done++;
            if (close_each) {
                close(fd);
                if (begun >= requests) continue;
                v.data.fd = fd = open_connection(port);
                if (fd < 0) return -1;
                epoll_ctl(e, EPOLL_CTL_ADD, fd, &v);
            }
            if (begun < requests) {
                send(fd, text, length, MSG_NOSIGNAL);
                begun++;
            } else {
                close(fd);
            }
        }
    }
    close(e);
    return done;
}

static size_t make_query(unsigned char *packet, int64_t number, int names, bool subnet) {
    char label[16];
    int size = snprintf(label, sizeof label, "h%d", (int)(number * 7919 % names));
    unsigned char *p = packet;
    memcpy(p, "\0\0\0\0\0\1\0\0\0\0\0\1", 12);
    p[0] = (unsigned char)(number >> 8), p[1] = (unsigned char)number, p += 12;
    *p++ = (unsigned char)size;
    memcpy(p, label, (size_t)size), p += size;
    memcpy(p, "\5bench\4test\0\0\1\0\1", 16), p += 16;
    memcpy(p, "\0\0\51\4\320\0\0\0\0\0\0", 11), p += 11;
    if (!subnet) return (size_t)(p - packet);
    // RFC 7871: 10.x.y.0/24, all over 10.0.0.0/8.
    p[-1] = 11;
    memcpy(p, "\0\10\0\7\0\1\30\0\12", 9), p += 9;
    *p++ = (unsigned char)(number * 31), *p++ = (unsigned char)(number * 7);
    return (size_t)(p - packet);
}

// Each source asks from an address in a /24 of its own.
static int open_source(uint16_t port, int number) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = loopback(port), own = loopback(0);
    struct timeval patience = {2, 0};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ((uint32_t)number << 8));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fd, (struct sockaddr *)&own, sizeof own)) return -1;
    return connect(fd, (struct sockaddr *)&a, sizeof a) ? -1 : fd;
}

int64_t mt_dns_drive_subnets(uint16_t port, int window, int64_t queries, int names, int sources) {
    static int fds[1000];
    static bool is_open;
    if (sources < 1 || sources > 1000) return -1;
    for (int i = 0; i < sources && !is_open; i++) {
        if ((fds[i] = open_source(port, i)) < 0) return -1;
    }
    is_open = true;
    int64_t begun = 0, done = 0;
    unsigned char packet[128], got[1500];
    while (done < queries) {
        while (begun < queries && begun - done < window) {
            size_t size = make_query(packet, begun, names, true);
            send(fds[begun % sources], packet, size, 0);
            begun++;
        }
        ssize_t n = recv(fds[done % sources], got, sizeof got, 0);
        if (n < 12 || (got[3] & 15) != 0 || got[7] != 1) return -3;
        done++;
    }
    return done;
}

// With `is_signed` queries ask for signatures, and answers must hold one (RFC 4035 section 3.1.1).
int64_t mt_dns_drive(uint16_t port, int window, int64_t queries, int names, bool is_signed) {
    int fd = open_source(port, 0);
    if (fd < 0) return -1;
    int64_t begun = 0, done = 0;
    unsigned char packet[128], got[1500];
    while (done < queries) {
        while (begun < queries && begun - done < window) {
            size_t size = make_query(packet, begun, names, false);
            if (is_signed) packet[size - 4] = 0x80;
            send(fd, packet, size, 0);
            begun++;
        }
        ssize_t n = recv(fd, got, sizeof got, 0);
        if (n < 12 || (got[3] & 15) != 0 || got[7] != (is_signed ? 2 : 1)) return -3;
        done++;
    }
    close(fd);
    return done;
}
