/* A file on a dead network share, for LD_PRELOAD: opening the file "$DEAD_FILE" does not return
 * while the file "$DEAD_FILE.dead" exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_dead(const char *path)
{
    const char *dead = getenv("DEAD_FILE");
    char flag[PATH_MAX];

    if (dead == NULL || strcmp(path, dead) != 0)
        return 0;
    snprintf(flag, sizeof flag, "%s.dead", dead);
    return access(flag, F_OK) == 0;
}

#define HANGING(name)                                                   \
    int name(const char *path, int flags, ...)                          \
    {                                                                   \
        int (*original)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
        mode_t mode = 0;                                                \
        if (flags & O_CREAT) {                                          \
            va_list arguments;                                          \
            va_start(arguments, flags);                                 \
            mode = va_arg(arguments, mode_t);                           \
            va_end(arguments);                                          \
        }                                                               \
        while (is_dead(path))                                           \
            pause();                                                    \
        return original(path, flags, mode);                             \
    }

HANGING(open)
HANGING(open64)
