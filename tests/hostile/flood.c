/* A flood of requests over persistent connections, at a rate independent of the answers.
 *
 *     flood ADDRESS PORT CONNECTIONS REQUESTS_PER_SECOND SECONDS REQUEST
 *
 * A request is due at each tick of the clock, answered or not, and goes out on the next connection
 * in turn, behind others that may be unanswered. If its connection's buffers are full of unread
 * requests, it is skipped. A connection that ends is replaced. At the end, the outcomes are printed
 * as JSON.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000, READ = 1 << 16, MAX_EVENTS = 256, STATUSES = 600 };

static const char STATUS_LINE[] = "HTTP/1.1 ";

struct connection {
    int socket;
    size_t matched; /* of a status line, whose digits follow */
    unsigned status;
    size_t unsent; /* of a request of which a part went out */
};

static struct sockaddr_in target;
static const char *request;
static size_t request_length;
static int poller;
static uint64_t offered, sent, connected, ended, answered[STATUSES];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void begin(struct connection *at) {
    int yes = 1;
    at->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (at->socket < 0) fail("socket");
    setsockopt(at->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    at->matched = at->status = at->unsent = 0;
    if (connect(at->socket, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS)
        fail("connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = at};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, at->socket, &event)) fail("epoll_ctl");
    connected++;
}

static void begin_anew(struct connection *at) {
    close(at->socket);
    ended++;
    begin(at);
}

/* Responses are searched for status lines; bodies are JSON, which contains none. */
static void look(struct connection *at, const char *bytes, size_t size) {
    for (; size; bytes++, size--) {
        size_t prefix = sizeof STATUS_LINE - 1;
        if (at->matched < prefix) {
            if (*bytes == STATUS_LINE[at->matched]) at->matched++;
            else at->matched = *bytes == STATUS_LINE[0];
            continue;
        }
        at->status = 10 * at->status + (unsigned)(*bytes - '0') % 10;
        if (++at->matched == prefix + 3) {
            answered[at->status % STATUSES]++;
            at->matched = at->status = 0;
        }
    }
}

static void receive(struct connection *at) {
    static char bytes[READ];
    ssize_t size = recv(at->socket, bytes, sizeof bytes, 0);
    if (size > 0) look(at, bytes, (size_t)size);
    else if (size == 0 || (errno != EAGAIN && errno != EINTR)) begin_anew(at);
}

/* Send the rest of a request; return whether all of it was sent. */
static int send_rest(struct connection *at) {
    if (at->unsent == 0) return 1;
    ssize_t size = send(at->socket, request + request_length - at->unsent, at->unsent, MSG_NOSIGNAL);
    if (size < 0) {
        if (errno != EAGAIN && errno != ENOTCONN) begin_anew(at);
        return 0;
    }
    at->unsent -= (size_t)size;
    return at->unsent == 0;
}

static void offer(struct connection *at) {
    offered++;
    if (!send_rest(at)) return;
    at->unsent = request_length;
    if (send_rest(at)) sent++;
    else if (at->unsent == request_length) at->unsent = 0; /* none of it went out */
}

int main(int count, char **words) {
    if (count != 7) return 2;
    size_t connections = strtoul(words[3], NULL, 10), next = 0;
    uint64_t per_second = strtoull(words[4], NULL, 10);
    uint64_t total = per_second * strtoull(words[5], NULL, 10);
    request = words[6], request_length = strlen(request);
    target.sin_family = AF_INET, target.sin_port = htons((uint16_t)atoi(words[2]));
    if (inet_pton(AF_INET, words[1], &target.sin_addr) != 1) return 2;
    poller = epoll_create1(0);
    struct connection *all = calloc(connections, sizeof *all);
    if (poller < 0 || all == NULL) fail("start");
    for (size_t i = 0; i < connections; i++) begin(&all[i]);

    uint64_t began = now();
    while (offered < total) {
        uint64_t due = (now() - began) * per_second / SECOND;
        while (offered < due && offered < total) offer(&all[next++ % connections]);
        struct epoll_event events[MAX_EVENTS];
        int ready = epoll_wait(poller, events, MAX_EVENTS, 1);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    double seconds = (double)(now() - began) / SECOND;
    printf("{\"seconds\":%.3f,\"offered\":%lu,\"sent\":%lu,\"connected\":%lu,\"ended\":%lu",
           seconds, offered, sent, connected, ended);
    printf(",\"answered\":{");
    for (unsigned i = 0, first = 1; i < STATUSES; i++)
        if (answered[i]) printf("%s\"%u\":%lu", first ? "" : ",", i, answered[i]), first = 0;
    puts("}}");
    return 0;
}
