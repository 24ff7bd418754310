#include "io/wait.h"

#include "base/clock.h"
#include <limits.h>
#include <poll.h>

bool wait_pause(int64_t ms, int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int64_t deadline = clock_mono_ms() + (ms > 0 ? ms : 0);

    /* Again after a signal, for what is left of the time. */
    for (;;) {
        int64_t left = deadline - clock_mono_ms();
        int rc;

        if (left < 0)
            left = 0;
        rc = poll(&one, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (rc > 0)
            return true;
        if (clock_mono_ms() >= deadline)
            return false;
    }
}

bool wait_until(wait_pred_fn *pred, void *arg, int64_t deadline_ms)
{
    enum { LONGEST_PAUSE_MS = 50 };
    int64_t pause_ms = 1;

    for (;;) {
        int64_t left;

        if (pred(arg))
            return true;
        left = deadline_ms - clock_mono_ms();
        if (left <= 0)
            return false;
        (void)wait_pause(pause_ms < left ? pause_ms : left, -1);
        if (pause_ms < LONGEST_PAUSE_MS)
            pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
}
