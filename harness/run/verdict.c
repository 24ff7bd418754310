#include "run/verdict.h"

const struct name_row verdict_names[] = {
    {VERDICT_PASS, "PASS"},
    {VERDICT_FAIL, "FAIL"},
    {VERDICT_BROKEN, "BROKEN"},
    {VERDICT_SKIP, "SKIP"},
    {0, NULL},
};

static int weight(enum verdict v)
{
    switch (v) {
    case VERDICT_FAIL:
        return 3;
    case VERDICT_BROKEN:
        return 2;
    case VERDICT_PASS:
        return 1;
    case VERDICT_SKIP:
        return 0;
    }
    return 2;
}

enum verdict verdict_join(enum verdict a, enum verdict b)
{
    return weight(a) >= weight(b) ? a : b;
}
