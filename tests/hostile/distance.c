/* A network between two hosts, one of which is a namespace: packets arrive after a delay.
 *
 *     distance MILLISECONDS
 *
 * Creates a TUN interface here and another in a new network namespace, which lasts as long as this
 * process, and prints their names. Both are for the caller to configure; a line on standard input
 * then starts the network, and the end of the input ends it. Each packet leaves one interface, and
 * enters the other after the delay, in order. A direction holds at most QUEUE bytes of packets, as
 * many as a link of 2 Gbit/s within 50 ms; more are dropped, as a router does. A packet costs some
 * 2.4 µs of processor time. At the end, the packets are counted as JSON.
 *
 * A packet may be larger than the MTU: the kernel leaves it to the interface to divide a segment of
 * up to 64 kB (IFF_VNET_HDR, TUNSETOFFLOAD), and takes such a segment from the other one. So there
 * are few packets to copy, while TCP counts in segments of the usual 1,460 bytes.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000, QUEUE = 12500000, PACKET = (1 << 16) + 64 };

struct packet {
    struct packet *next;
    uint64_t due;
    size_t size;
    char bytes[];
};

struct direction {
    int from, to;
    struct packet *first, **end;
    size_t queued;
    uint64_t passed, dropped;
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static int interface(char *name) {
    struct ifreq request = {.ifr_name = "distance%d", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    int file = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) fail("/dev/net/tun");
    if (ioctl(file, TUNSETIFF, &request)) fail("TUNSETIFF");
    if (ioctl(file, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)) fail("TUNSETOFFLOAD");
    strcpy(name, request.ifr_name);
    return file;
}

static void take(struct direction *at, uint64_t delay) {
    static char bytes[PACKET];
    ssize_t size;
    while ((size = read(at->from, bytes, sizeof bytes)) > 0) {
        struct packet *packet = NULL;
        if (at->queued + (size_t)size <= QUEUE) packet = malloc(sizeof *packet + (size_t)size);
        if (packet == NULL) {
            at->dropped++;
            continue;
        }
        packet->next = NULL, packet->due = now() + delay, packet->size = (size_t)size;
        memcpy(packet->bytes, bytes, packet->size);
        *at->end = packet, at->end = &packet->next;
        at->queued += packet->size;
    }
}

/* Pass on what is due; return when the next packet is. */
static uint64_t give(struct direction *at) {
    while (at->first != NULL && at->first->due <= now()) {
        struct packet *packet = at->first;
        if (write(at->to, packet->bytes, packet->size) == (ssize_t)packet->size) at->passed++;
        else at->dropped++;
        at->first = packet->next, at->queued -= packet->size;
        if (at->first == NULL) at->end = &at->first;
        free(packet);
    }
    return at->first != NULL ? at->first->due : UINT64_MAX;
}

int main(int count, char **words) {
    char here[IFNAMSIZ], there[IFNAMSIZ], line[2];
    if (count != 2) return 2;
    uint64_t delay = strtoull(words[1], NULL, 10) * 1000000;
    int near = interface(here);
    if (unshare(CLONE_NEWNET)) fail("unshare");
    int far = interface(there);
    printf("%s %s\n", here, there), fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    setpriority(PRIO_PROCESS, 0, -20); /* a cable waits for no processor */

    struct direction directions[] = {{.from = near, .to = far}, {.from = far, .to = near}};
    struct pollfd polled[] = {
        {.fd = near, .events = POLLIN}, {.fd = far, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    for (int i = 0; i < 2; i++) directions[i].end = &directions[i].first;
    while (!(polled[2].revents & (POLLIN | POLLHUP))) {
        uint64_t next = UINT64_MAX, time;
        for (int i = 0; i < 2; i++) {
            take(&directions[i], delay);
            uint64_t due = give(&directions[i]);
            if (due < next) next = due;
        }
        struct timespec wait = {1, 0};
        if (next != UINT64_MAX) {
            time = now(), time = next > time ? next - time : 0;
            wait = (struct timespec){(time_t)(time / SECOND), (long)(time % SECOND)};
        }
        if (ppoll(polled, 3, &wait, NULL) < 0 && errno != EINTR) fail("ppoll");
    }
    printf("{\"passed\":%lu,\"dropped\":%lu}\n", directions[0].passed + directions[1].passed,
           directions[0].dropped + directions[1].dropped);
    return 0;
}
