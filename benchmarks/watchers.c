/* Runs many watchers of `/sa-contexts/events` in one process, with little overhead, so that mainly
 * the server is measured, not its clients.
 *
 *     watchers PORT COUNT TARGET FILE
 *
 * Prints `ready` once every watcher has received a part of the response's body, reads until
 * standard input ends, and writes to FILE a `struct arrival` for each event that reports a change
 * of a context, in order of arrival.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 160, READ = 1 << 18 };

struct arrival {
    uint64_t nanoseconds; /* CLOCK_MONOTONIC */
    uint64_t id;
    uint32_t watcher;
    uint32_t kind; /* first letter of the event's name */
};

/* A watcher, and its position in the response: in the head, in a chunk's size, in a chunk, or after
 * a chunk. */
struct watcher {
    int socket;
    uint32_t number;
    enum { IN_HEAD, IN_SIZE, IN_CHUNK, IN_END } part;
    uint64_t left; /* unread bytes of the chunk */
    uint32_t kind;
    size_t length; /* of the line; only its beginning is kept */
    char line[HEAD];
    int is_answered;
};

static struct arrival *arrivals;
static size_t arrival_count, arrival_room;
static size_t answered;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void arrive(const struct watcher *at, uint64_t id, uint64_t nanoseconds) {
    if (arrival_count == arrival_room) {
        arrival_room = arrival_room ? 2 * arrival_room : 1 << 16;
        arrivals = realloc(arrivals, arrival_room * sizeof *arrivals);
        if (arrivals == NULL) fail("realloc");
    }
    arrivals[arrival_count++] = (struct arrival){nanoseconds, id, at->number, at->kind};
}

static void take_line(struct watcher *at, uint64_t nanoseconds) {
    size_t length = at->length < HEAD ? at->length : HEAD - 1;
    at->line[length] = 0;
    at->length = 0;
    if (strncmp(at->line, "event: ", 7) == 0) {
        at->kind = (unsigned char)at->line[7];
    } else if (strncmp(at->line, "data: ", 6) == 0 && strchr("amd", (int)at->kind)) {
        const char *id = strstr(at->line, "\"saContextId\":\"");
        if (id != NULL) arrive(at, strtoull(id + 15, NULL, 10), nanoseconds);
    }
}

/* Splits a part of a chunk into lines. */
static void take_text(struct watcher *at, const char *text, size_t size, uint64_t nanoseconds) {
    if (!at->is_answered) {
        at->is_answered = 1;
        answered++;
    }
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        if (at->length < HEAD) {
            size_t room = HEAD - at->length;
            memcpy(at->line + at->length, text, length < room ? length : room);
        }
        at->length += length;
        if (end == NULL) return;
        take_line(at, nanoseconds);
        text += length + 1;
        size -= length + 1;
    }
}

static void take(struct watcher *at, char *bytes, size_t size, uint64_t nanoseconds) {
    while (size) {
        if (at->part == IN_CHUNK) {
            size_t part = at->left < size ? (size_t)at->left : size;
            take_text(at, bytes, part, nanoseconds);
            bytes += part, size -= part;
            at->left -= part;
            if (at->left == 0) at->part = IN_END;
            continue;
        }
        char c = *bytes++;
        size--;
        if (at->part == IN_HEAD) { /* ends with an empty line */
            if (c == '\n') {
                if (at->length == 0) at->part = IN_SIZE;
                at->length = 0;
            } else if (c != '\r') {
                at->length++;
            }
        } else if (at->part == IN_END) {
            if (c == '\n') at->part = IN_SIZE;
        } else if (c == '\n') {
            at->part = IN_CHUNK;
        } else if (c != '\r') {
            int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
            at->left = at->left * 16 + (uint64_t)digit;
        }
    }
}

static void begin(struct watcher *at, uint32_t number, uint16_t port, const char *target) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(at, 0, sizeof *at);
    at->number = number;
    at->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (at->socket < 0) fail("socket");
    if (connect(at->socket, (struct sockaddr *)&address, sizeof address)) fail("connect");
    char request[1024];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
                          target);
    if (write(at->socket, request, (size_t)length) != length) fail("write");
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    uint16_t port = (uint16_t)atoi(arguments[1]);
    size_t watcher_count = (size_t)atoi(arguments[2]);
    struct watcher *watchers = calloc(watcher_count, sizeof *watchers);
    char *bytes = malloc(READ);
    int events = epoll_create1(0);
    if (watchers == NULL || bytes == NULL || events < 0) fail("begin");
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(events, EPOLL_CTL_ADD, 0, &input)) fail("epoll_ctl");
    size_t begun = 0;
    int is_ready = 0;
    for (;;) {
        /* Connect a few watchers at a time: a connection that does not fit into the server's
         * backlog is retried only after a second. */
        while (begun < watcher_count && begun < answered + 32) {
            struct watcher *at = &watchers[begun];
            begin(at, (uint32_t)begun++, port, arguments[3]);
            struct epoll_event readable = {.events = EPOLLIN, .data.ptr = at};
            if (epoll_ctl(events, EPOLL_CTL_ADD, at->socket, &readable)) fail("epoll_ctl");
        }
        struct epoll_event ready[64];
        int ready_count = epoll_wait(events, ready, 64, -1);
        for (int each = 0; each < ready_count; each++) {
            struct watcher *at = ready[each].data.ptr;
            if (at == NULL) {
                if (read(0, bytes, READ) > 0) continue;
                FILE *file = fopen(arguments[4], "wb");
                if (file == NULL) fail("fopen");
                if (fwrite(arrivals, sizeof *arrivals, arrival_count, file) != arrival_count)
                    fail("fwrite");
                return fclose(file);
            }
            ssize_t size = read(at->socket, bytes, READ);
            if (size <= 0) {
                fprintf(stderr, "watcher %u was left\n", at->number);
                return 1;
            }
            take(at, bytes, (size_t)size, now());
        }
        if (!is_ready && answered == watcher_count) {
            is_ready = 1;
            puts("ready");
            fflush(stdout);
        }
    }
}
