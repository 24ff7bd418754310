#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool num_parse(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    char *end;
    long long value;

    /* strtoll would take white space and a plus sign. */
    if (!isdigit((unsigned char)s[*s == '-']))
        return false;
    errno = 0;
    value = strtoll(s, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool num_parse_double(const char *s, double *ret)
{
    char *end;
    double value;

    /* Decimal only: strtod would take hexadecimal, "inf" and "nan" as well. */
    if (*s == '\0' || s[strspn(s, "0123456789.eE+-")] != '\0' || *s == '+')
        return false;
    errno = 0;
    value = strtod(s, &end);
    if (end == s || *end != '\0' || !isfinite(value))
        return false;
    *ret = value;
    return true;
}
