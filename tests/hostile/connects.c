/* A flood of new connections, at a rate independent of the answers.
 *
 *     connects ADDRESS PORT FIRST SOURCES CONNECTIONS_PER_SECOND SECONDS HELD [HEX]
 *
 * Each connection comes from the next of SOURCES addresses, which begin at FIRST. When it is
 * established, it sends the bytes, if any. It stays open, and is replaced if the server ends it or
 * if HELD are open: then the oldest is reset. At the end, the outcomes are printed as JSON.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000, MAX_EVENTS = 256, MAX_BYTES = 4096 };

struct connection {
    int socket; /* -1: none */
    int is_established;
};

static struct sockaddr_in target, first;
static char bytes[MAX_BYTES];
static size_t byte_count;
static int poller;
static uint64_t opened, established, answered, ended, failed;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void end(struct connection *at) {
    struct linger reset = {1, 0};
    if (at->socket < 0) return;
    setsockopt(at->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(at->socket);
    at->socket = -1;
}

static void begin(struct connection *at, uint32_t sources) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    int yes = 1;
    end(at);
    at->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (at->socket < 0) fail("socket");
    at->is_established = 0;
    source.sin_addr.s_addr = htonl(ntohl(first.sin_addr.s_addr) + (uint32_t)(opened % sources));
    setsockopt(at->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(at->socket, (struct sockaddr *)&source, sizeof source)) fail("bind");
    opened++;
    if (connect(at->socket, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS) {
        failed++;
        end(at);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = at};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, at->socket, &event)) fail("epoll_ctl");
}

static void look(struct connection *at, uint32_t events) {
    static char received[1 << 16];
    if (at->socket < 0) return;
    if (events & (EPOLLERR | EPOLLHUP)) {
        ended++;
        end(at);
        return;
    }
    if (events & EPOLLOUT && !at->is_established) {
        at->is_established = 1;
        established++;
        if (byte_count && send(at->socket, bytes, byte_count, MSG_NOSIGNAL) < 0) return;
    }
    if (events & EPOLLIN) {
        ssize_t size = recv(at->socket, received, sizeof received, 0);
        if (size > 0) answered++;
        if (size == 0) ended++;
        if (size >= 0) end(at);
    }
}

int main(int count, char **words) {
    if (count < 8) return 2;
    uint32_t sources = (uint32_t)strtoul(words[4], NULL, 10);
    uint64_t per_second = strtoull(words[5], NULL, 10);
    uint64_t total = per_second * strtoull(words[6], NULL, 10);
    size_t held = strtoul(words[7], NULL, 10);
    for (const char *hex = count > 8 ? words[8] : ""; *hex && byte_count < MAX_BYTES; hex += 2)
        if (sscanf(hex, "%2hhx", (unsigned char *)&bytes[byte_count++]) != 1) return 2;
    target.sin_family = AF_INET, target.sin_port = htons((uint16_t)atoi(words[2]));
    if (inet_pton(AF_INET, words[1], &target.sin_addr) != 1) return 2;
    if (inet_pton(AF_INET, words[3], &first.sin_addr) != 1) return 2;
    struct rlimit files = {held + 64, held + 64};
    if (setrlimit(RLIMIT_NOFILE, &files)) fail("setrlimit");
    poller = epoll_create1(0);
    struct connection *all = calloc(held, sizeof *all);
    if (poller < 0 || all == NULL) fail("start");
    for (size_t i = 0; i < held; i++) all[i].socket = -1;

    uint64_t began = now();
    while (opened < total) {
        uint64_t due = (now() - began) * per_second / SECOND;
        while (opened < due && opened < total) begin(&all[opened % held], sources);
        struct epoll_event events[MAX_EVENTS];
        int ready = epoll_wait(poller, events, MAX_EVENTS, 1);
        for (int i = 0; i < ready; i++) look(events[i].data.ptr, events[i].events);
    }
    double seconds = (double)(now() - began) / SECOND;
    printf("{\"seconds\":%.3f,\"opened\":%lu,\"established\":%lu,\"answered\":%lu,", seconds,
           opened, established, answered);
    printf("\"ended\":%lu,\"failed\":%lu}\n", ended, failed);
    return 0;
}
