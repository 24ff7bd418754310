/*
 * Diagnostics on stderr, one line each: "<program>: <level>: text". Nothing in the
 * libraries prints results; this is for the processes that run unattended (platform,
 * boxes) and for -v. Safe in a forked child; not for signal handlers.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cleanup.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* program: borrowed for the life of the process. Default level: LOG_WARN. */
void log_init(const char *program, enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
