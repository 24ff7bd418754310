/* Any value survives its way through a header, what is sent is a header, what comes is
 * read or refused; and annotations of any schema give headers of arguments only. */
#include "fuzz/fuzz.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "io/json.h"
#include "mcp/header.h"

#include <string.h>

static bool is_header_value(const char *s)
{
    for (; *s; s++) {
        if (*s < 0x20 || *s > 0x7e) {
            return false;
        }
    }
    return true;
}

static void round_trip(const char *text, size_t size)
{
    char *coded CLEANUP(free_ptr) = mcp_header_encode(text, size);
    size_t len = 0;
    ALWAYS(is_header_value(coded));
    char *back CLEANUP(free_ptr) = mcp_header_decode(coded, &len);
    if (utf8_valid(text, size) == size) {
        ALWAYS(back && len == size && memcmp(back, text, size) == 0);
    }
}

static void read_any(const char *text, size_t size)
{
    char *line CLEANUP(free_ptr) = xstrndup(text, size);
    size_t len = 0;
    char *value CLEANUP(free_ptr) = mcp_header_decode(line, &len);
    if (value) {
        ALWAYS(utf8_valid(value, len) == len);
        json_t *j CLEANUP(json_drop) = json_stringn(value, len);
        ALWAYS(!j || mcp_header_matches(line, j));
    }
}

static void read_schema(const char *text, size_t size)
{
    struct mcp_params params CLEANUP(mcp_params_release) = MCP_PARAMS_INIT;
    struct buf why CLEANUP(buf_release) = BUF_INIT(LIMIT_ERROR_TEXT);
    struct strv headers CLEANUP(strv_release) = STRV_INIT;
    json_t *schema CLEANUP(json_drop) = NULL;
    if (json_parse(text, size, &schema, NULL) < 0) {
        return;
    }
    bool good = mcp_params_read(schema, &params, &why);
    ALWAYS(good == (why.len == 0));
    mcp_params_headers(&params, json_object_get(schema, "properties"), &headers);
    ALWAYS(headers.n <= params.n);
    for (size_t i = 0; i < headers.n; i++) {
        ALWAYS(!strncmp(headers.v[i], "Mcp-Param-", 10) && is_header_value(headers.v[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    round_trip(text, size);
    read_any(text, size);
    read_schema(text, size);
    return 0;
}
