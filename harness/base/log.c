#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "waybill";
static enum log_level most = LOG_WARN;

void log_init(const char *program, enum log_level level)
{
    program_name = program;
    most = level;
}

void log_at(enum log_level level, const char *fmt, ...)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    char line[2048];
    va_list ap;
    size_t len;
    int saved = errno;
    ssize_t wrote;

    if (level > most)
        return;
    (void)snprintf(line, sizeof(line), "%s: %s: ", program_name, levels[level]);
    len = strlen(line);
    va_start(ap, fmt);
    (void)vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
    va_end(ap);
    for (char *p = line + len; *p; p++) {
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    }
    len = strlen(line);
    line[len++] = '\n';
    /* One write, so that lines of several processes do not mix. */
    do
        wrote = write(STDERR_FILENO, line, len);
    while (wrote < 0 && errno == EINTR);
    errno = saved;
}
