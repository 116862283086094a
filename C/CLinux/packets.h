// SPDX-License-Identifier: Apache-2.0
// bpf(2), AF_XDP sockets and what ioctl(2) says of an interface: macros, unions and variadic calls that
// Swift does not take. Every wrapper returns the result, or -errno.
#pragma once
#include "shim.h"
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <net/if_arp.h>

#define MT_AF_XDP 44
#define MT_SOL_XDP 283

// What there is to know of an interface before its queues can be taken.
struct mt_interface {
    int index;
    int mtu;
    int queues;
    int is_ethernet;
    uint8_t mac[6];
};
static inline long mt_interface_facts(const char *name, struct mt_interface *facts) {
    struct ifreq request;
    struct ethtool_channels channels;
    long result;
    memset(facts, 0, sizeof *facts);
    if (strlen(name) >= IFNAMSIZ) return -(long)ENODEV;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -(long)errno;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, name, strlen(name));
    if ((result = MT_RESULT(ioctl(fd, SIOCGIFINDEX, &request))) < 0) goto done;
    facts->index = request.ifr_ifindex;
    if ((result = MT_RESULT(ioctl(fd, SIOCGIFMTU, &request))) < 0) goto done;
    facts->mtu = request.ifr_mtu;
    if ((result = MT_RESULT(ioctl(fd, SIOCGIFHWADDR, &request))) < 0) goto done;
    facts->is_ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
    memcpy(facts->mac, request.ifr_hwaddr.sa_data, 6);
    memset(&channels, 0, sizeof channels);
    channels.cmd = ETHTOOL_GCHANNELS;
    request.ifr_data = (char *)&channels;
    facts->queues = 1;
    // A driver that does not answer has one queue.
    if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
        unsigned count = channels.combined_count + channels.rx_count;
        if (count > 1) facts->queues = count > 64 ? 64 : (int)count;
    }
    result = 0;
done:
    close(fd);
    return result;
}

// Maps, programs and links.
static inline long mt_bpf(int command, union bpf_attr *attributes, size_t size) {
    return MT_RESULT(syscall(SYS_bpf, command, attributes, size));
}
static inline void mt_bpf_name(char *target, const char *name) {
    for (int i = 0; i < BPF_OBJ_NAME_LEN - 1 && name[i]; i++) target[i] = name[i];
}
static inline long mt_bpf_map(int type, unsigned key, unsigned value, unsigned entries,
                              const char *name) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.map_type = (unsigned)type;
    a.key_size = key;
    a.value_size = value;
    a.max_entries = entries;
    mt_bpf_name(a.map_name, name);
    return mt_bpf(BPF_MAP_CREATE, &a, sizeof a);
}
static inline long mt_bpf_put(int map, const void *key, const void *value) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.map_fd = (unsigned)map;
    a.key = (uint64_t)(uintptr_t)key;
    a.value = (uint64_t)(uintptr_t)value;
    return mt_bpf(BPF_MAP_UPDATE_ELEM, &a, sizeof a);
}
static inline long mt_bpf_program(const uint64_t *code, unsigned count, const char *name) {
    static const char license[] = "Apache-2.0";
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.prog_type = BPF_PROG_TYPE_XDP;
    a.insns = (uint64_t)(uintptr_t)code;
    a.insn_cnt = count;
    a.license = (uint64_t)(uintptr_t)license;
    mt_bpf_name(a.prog_name, name);
    return mt_bpf(BPF_PROG_LOAD, &a, sizeof a);
}
static inline long mt_bpf_link(int program, int interface, unsigned flags) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.link_create.prog_fd = (unsigned)program;
    a.link_create.target_ifindex = (unsigned)interface;
    a.link_create.attach_type = BPF_XDP;
    a.link_create.flags = flags;
    return mt_bpf(BPF_LINK_CREATE, &a, sizeof a);
}
// What a program says to a frame: the verdict, or -errno.
static inline long mt_bpf_try(int program, const void *frame, unsigned length) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.test.prog_fd = (unsigned)program;
    a.test.data_in = (uint64_t)(uintptr_t)frame;
    a.test.data_size_in = length;
    a.test.repeat = 1;
    long result = mt_bpf(BPF_PROG_TEST_RUN, &a, sizeof a);
    return result < 0 ? result : (long)a.test.retval;
}

// Sockets of AF_XDP.
static inline long mt_xsk_open(void) {
    return MT_RESULT(socket(MT_AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
}
static inline long mt_xsk_memory(int fd, void *memory, uint64_t length, unsigned frame) {
    struct xdp_umem_reg region;
    memset(&region, 0, sizeof region);
    region.addr = (uint64_t)(uintptr_t)memory;
    region.len = length;
    region.chunk_size = frame;
    return MT_RESULT(setsockopt(fd, MT_SOL_XDP, XDP_UMEM_REG, &region, sizeof region));
}
static inline long mt_xsk_ring(int fd, int ring, unsigned size) {
    return MT_RESULT(setsockopt(fd, MT_SOL_XDP, ring, &size, sizeof size));
}
static inline long mt_xsk_offsets(int fd, struct xdp_mmap_offsets *offsets) {
    socklen_t length = sizeof *offsets;
    memset(offsets, 0, sizeof *offsets);
    return MT_RESULT(getsockopt(fd, MT_SOL_XDP, XDP_MMAP_OFFSETS, offsets, &length));
}
static inline long mt_xsk_bind(int fd, int interface, int queue, int flags) {
    struct sockaddr_xdp address;
    memset(&address, 0, sizeof address);
    address.sxdp_family = MT_AF_XDP;
    address.sxdp_flags = (uint16_t)flags;
    address.sxdp_ifindex = (unsigned)interface;
    address.sxdp_queue_id = (unsigned)queue;
    return MT_RESULT(bind(fd, (struct sockaddr *)&address, sizeof address));
}
static inline long mt_xsk_is_zero_copy(int fd) {
    struct xdp_options options;
    socklen_t length = sizeof options;
    memset(&options, 0, sizeof options);
    long result = MT_RESULT(getsockopt(fd, MT_SOL_XDP, XDP_OPTIONS, &options, &length));
    return result < 0 ? result : (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}
// Frames that the kernel had no room for, since the socket was made.
static inline long mt_xsk_lost(int fd) {
    struct xdp_statistics s;
    socklen_t length = sizeof s;
    memset(&s, 0, sizeof s);
    long result = MT_RESULT(getsockopt(fd, MT_SOL_XDP, XDP_STATISTICS, &s, &length));
    return result < 0 ? 0 : (long)(s.rx_dropped + s.rx_ring_full);
}
static inline long mt_xsk_send(int fd) {
    return MT_RESULT(sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0));
}
static inline long mt_xsk_wake(int fd) {
    return MT_RESULT(recvfrom(fd, NULL, 0, MSG_DONTWAIT, NULL, NULL));
}
static inline void *mt_xsk_map(int fd, size_t length, uint64_t offset) {
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                        (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}
static inline uint64_t mt_xsk_place(int ring) {
    switch (ring) {
    case XDP_RX_RING: return XDP_PGOFF_RX_RING;
    case XDP_TX_RING: return XDP_PGOFF_TX_RING;
    case XDP_UMEM_FILL_RING: return XDP_UMEM_PGOFF_FILL_RING;
    default: return XDP_UMEM_PGOFF_COMPLETION_RING;
    }
}

// Words that the kernel writes at the same time.
static inline uint32_t mt_acquire(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline void mt_release(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline uint32_t mt_relaxed(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
// Orders a store to a ring before a look at whether the kernel waits for it.
static inline void mt_full_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
