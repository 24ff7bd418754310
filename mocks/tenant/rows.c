#include "mocks/tenant/rows.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/num.h"
#include "io/json.h"
#include "mocks/tenant/rest.h"

json_t *row_new(void)
{
    char id[37];
    id_uuid4(id);
    return json_make("{s:s}", "id", id);
}

json_t *rows_add(json_t *rows, json_t *row, size_t max)
{
    json_array_append_new(rows, row);
    if (json_array_size(rows) > max)
        json_array_remove(rows, 0);
    return row;
}

json_t *rows_find(const json_t *rows, const char *id)
{
    int at = id ? rest_row_index(rows, id) : -1;
    return at < 0 ? NULL : json_array_get(rows, (size_t)at);
}

bool rows_remove(json_t *rows, const char *id)
{
    int at = id ? rest_row_index(rows, id) : -1;
    return at >= 0 && json_array_remove(rows, (size_t)at) == 0;
}

bool row_is(const json_t *row, const char *key, const char *value)
{
    return strcmp(json_str(row, key, ""), value) == 0;
}

void row_set(json_t *row, const char *key, const char *value)
{
    json_object_set_new(row, key, rest_string(value));
}

void row_set_now(json_t *row, const char *key)
{
    json_object_set_new(row, key, rest_time(clock_wall_ms()));
}

int64_t row_time(const json_t *row, const char *key)
{
    int64_t wall_ms = 0;
    return rest_parse_time(json_str(row, key, ""), &wall_ms) ? wall_ms : 0;
}

json_t *rows_newest(const json_t *rows, size_t max, row_fits_fn *fits, const void *arg)
{
    json_t *list = json_array();
    for (size_t i = json_array_size(rows); i-- > 0 && json_array_size(list) < max;) {
        json_t *row = json_array_get(rows, i);
        if (!fits || fits(row, arg))
            json_array_append_new(list, json_copy(row));
    }
    return list;
}

/* The fraction at *text in milliseconds; *text goes behind it. A dot needs a digit. */
static bool parse_fraction(const char **text, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (**text != '.')
        return true;
    const char *digits = *text + 1;
    size_t n = strspn(digits, "0123456789");
    int64_t unit = 100;
    for (size_t i = 0; i < n; i++, unit /= 10)
        *ret_ms += (digits[i] - '0') * unit;
    *text = digits + n;
    return n > 0;
}

/* "Z" or "+hh:mm" to the end of the text. */
static bool parse_offset(const char *text, int64_t *ret_ms)
{
    char digits[3] = "";
    int64_t hours = 0, minutes = 0;
    *ret_ms = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':')
        return false;
    (void)snprintf(digits, sizeof digits, "%.2s", text + 1);
    if (!num_parse(digits, 0, 23, &hours) || !num_parse(text + 4, 0, 59, &minutes))
        return false;
    *ret_ms = (hours * 60 + minutes) * 60000 * (text[0] == '-' ? -1 : 1);
    return true;
}

bool rest_parse_time(const char *text, int64_t *ret_wall_ms)
{
    struct tm tm = {.tm_isdst = 0};
    int64_t fraction = 0, offset = 0;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest || !parse_fraction(&rest, &fraction) || !parse_offset(rest, &offset))
        return false;
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000 + fraction - offset;
    return true;
}
