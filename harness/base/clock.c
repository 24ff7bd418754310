#include "base/clock.h"

#include "base/num.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_ms(clockid_t which)
{
    struct timespec ts = {0};

    (void)clock_gettime(which, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}

char *clock_rfc3339(int64_t wall_ms, char out[32])
{
    int64_t rest = wall_ms % 1000;
    time_t seconds;
    struct tm tm;
    char date[24];

    if (rest < 0)
        rest += 1000;
    seconds = (time_t)((wall_ms - rest) / 1000);
    if (!gmtime_r(&seconds, &tm) ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        memcpy(date, "0000-00-00T00:00:00", 20);
    (void)snprintf(out, 32, "%s.%03dZ", date, (int)rest);
    return out;
}

int clock_parse_duration(const char *text, int64_t *ret_ms, struct err *err)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 36e5}};
    static const double longest_ms = 1e12;
    size_t digits = strspn(text, "0123456789.");
    char number[32];
    double value;

    if (digits == 0 || digits >= sizeof(number))
        goto bad;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!num_parse_double(number, &value))
        goto bad;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strcmp(text + digits, units[i].unit) != 0)
            continue;
        if (value * units[i].ms > longest_ms)
            return err_set(err, ERR_SHAPE, "duration '%s' is too long", text);
        *ret_ms = (int64_t)llround(value * units[i].ms);
        return 0;
    }
bad:
    return err_set(err, ERR_SHAPE,
                   "'%s' is not a duration: write it as 250ms, 30s, 5m or 2h", text);
}

char *clock_human(int64_t ms, char out[32])
{
    if (ms < 1000)
        (void)snprintf(out, 32, "%d ms", (int)ms);
    else if (ms < 59950)
        (void)snprintf(out, 32, "%.1f s", (double)ms / 1000);
    else
        (void)snprintf(out, 32, "%lld min %02d s", (long long)((ms + 500) / 60000),
                       (int)((ms + 500) % 60000 / 1000));
    return out;
}

double clock_timeout_mul(void)
{
    const char *text = secure_getenv("TIMEOUT_MUL");
    double mul;

    if (!text || !num_parse_double(text, &mul) || mul < 1)
        return 1;
    return mul;
}
