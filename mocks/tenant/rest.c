#include "mocks/tenant/rest.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"

struct workspace *rest_ws(struct call *call)
{
    return call->params[0] ? ws_by_id(call->org, call->params[0]) : NULL;
}

/* 404 when there is none. */
static struct workspace *found(struct call *call, struct workspace *ws)
{
    if (!ws)
        call_error(call, 404, "workspace not found");
    return ws;
}

struct workspace *rest_need_row(struct call *call)
{
    return found(call, rest_ws(call));
}

struct workspace *rest_need_ws(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    return found(call, ws && ws_live(ws) ? ws : NULL);
}

bool rest_need_uuid(struct call *call, const char *text)
{
    if (call->params[0] && id_is_uuid(call->params[0]))
        return true;
    call_error(call, 400, text);
    return false;
}

struct workspace *rest_need_ws_uuid(struct call *call, const char *text)
{
    return rest_need_uuid(call, text) ? rest_need_ws(call) : NULL;
}

json_t *rest_need_body(struct call *call, const char *text)
{
    json_t *body = call_body(call);
    if (json_is_object(body))
        return body;
    call_error(call, 400, text);
    return NULL;
}

const char *rest_need_text(struct call *call, const char *key, const char *text)
{
    const char *value = rest_given(call_body(call), key);
    if (!value)
        call_error(call, 400, text);
    return value;
}

const char *rest_query(struct call *call, const char *name)
{
    return call->req ? httpd_query(call->req, name) : NULL;
}

bool rest_query_bool(struct call *call, const char *name)
{
    const char *v = rest_query(call, name);
    return v && (strcmp(v, "true") == 0 || strcmp(v, "1") == 0);
}

int64_t rest_query_limit(struct call *call, int64_t max, int64_t fallback)
{
    const char *text = rest_query(call, "limit");
    int64_t value = 0;
    if (!text || !num_parse(text, 1, INT32_MAX, &value))
        return fallback;
    return value < max ? value : max;
}

static bool type_fits(const json_t *value, char type)
{
    switch (type) {
    case 's':
        return json_is_string(value);
    case 'i':
        return json_is_integer(value);
    case 'n':
        return json_is_number(value);
    case 'b':
        return json_is_boolean(value);
    case 'o':
        return json_is_object(value);
    case 'a':
        return json_is_array(value);
    default:
        return false;
    }
}

bool rest_fields_ok(const json_t *body, const struct rest_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(body, fields[i].name);
        if (value && !json_is_null(value) && !type_fits(value, fields[i].type))
            return false;
    }
    return true;
}

const char *rest_given(const json_t *body, const char *key)
{
    const char *text = json_str(body, key, "");
    return text[0] ? text : NULL;
}

json_t *rest_time(int64_t wall_ms)
{
    char text[32];
    return wall_ms ? json_string(clock_rfc3339(wall_ms, text)) : json_null();
}

json_t *rest_number(double value)
{
    double whole = 0;
    if (modf(value, &whole) == 0.0 && fabs(whole) < 1e15)
        return json_integer((json_int_t)whole);
    return json_real(value);
}

/* Length of the UTF-8 sequence at s, 0 when it is not a valid one. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80             ? 1
               : (s[0] & 0xe0) == 0xc0 ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
    if (n == 0 || n > left || s[0] == 0xc0 || s[0] == 0xc1)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

json_t *rest_text(const char *s, size_t len)
{
    json_t *whole = json_stringn(s, len);
    if (whole)
        return whole;
    struct buf clean CLEANUP(buf_release) = BUF_INIT(LIMIT_RESPONSE_BODY);
    for (size_t i = 0; i < len;) {
        size_t n = utf8_length((const unsigned char *)s + i, len - i);
        if (n > 0)
            buf_add(&clean, s + i, n);
        else
            buf_adds(&clean, "\xef\xbf\xbd");
        i += n > 0 ? n : 1;
    }
    whole = json_stringn(clean.data, clean.len);
    /* Overlong forms and surrogates pass the simple test above but not jansson's. */
    return whole ? whole : json_string("");
}

json_t *rest_string(const char *s)
{
    return s ? rest_text(s, strlen(s)) : json_null();
}

static json_t *member(json_t *store, const char *name, json_t *fresh)
{
    json_t *have = json_object_get(store, name);
    if (have) {
        json_decref(fresh);
        return have;
    }
    json_object_set_new(store, name, fresh);
    return fresh;
}

json_t *rest_array(json_t *store, const char *name)
{
    return member(store, name, json_array());
}

json_t *rest_object(json_t *store, const char *name)
{
    return member(store, name, json_object());
}

int rest_row_index(const json_t *rows, const char *id)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (strcmp(json_str(json_array_get(rows, i), "id", ""), id) == 0)
            return (int)i;
    return -1;
}

bool ws_live(const struct workspace *ws)
{
    return !ws->gone && !ws_removed(ws);
}

struct workspace *ws_parent(const struct workspace *ws)
{
    return ws->parent_id[0] ? ws_by_id(ws->org, ws->parent_id) : NULL;
}

bool ws_is_above(const struct workspace *ws, const struct workspace *below)
{
    const struct workspace *at = below;
    /* Bounded, so that a cycle in the rows cannot hold the platform. */
    for (size_t hops = 0; at && hops <= ws->org->ws_n; hops++) {
        at = ws_parent(at);
        if (at == ws)
            return true;
    }
    return false;
}

static bool is_child(const struct workspace *ws, const struct workspace *other)
{
    return ws_live(other) && strcmp(other->parent_id, ws->id) == 0;
}

static bool is_descendant(const struct workspace *ws, const struct workspace *other)
{
    return ws_live(other) && ws_is_above(ws, other);
}

typedef bool related_fn(const struct workspace *ws, const struct workspace *other);

static size_t count_related(const struct workspace *ws, related_fn *related)
{
    size_t n = 0;
    for (size_t i = 0; i < ws->org->ws_n; i++)
        n += related(ws, ws->org->ws[i]) ? 1 : 0;
    return n;
}

static json_t *list_related(const struct workspace *ws, related_fn *related)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ws->org->ws_n; i++) {
        const struct workspace *other = ws->org->ws[i];
        if (related(ws, other))
            json_array_append_new(list, json_make("{s:s,s:o}", "id", other->id, "name",
                                                  rest_string(other->name)));
    }
    return list;
}

size_t ws_count_children(const struct workspace *ws)
{
    return count_related(ws, is_child);
}

size_t ws_count_descendants(const struct workspace *ws)
{
    return count_related(ws, is_descendant);
}

json_t *ws_list_children(const struct workspace *ws)
{
    return list_related(ws, is_child);
}

json_t *ws_list_descendants(const struct workspace *ws)
{
    return list_related(ws, is_descendant);
}

static bool is_private_v4(uint32_t ip)
{
    return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8;
}

static const char *blocked_v4(uint32_t ip, bool private_ok)
{
    if (ip >> 24 == 127)
        return "loopback address";
    if (ip >> 16 == 0xa9fe)
        return "link-local address (cloud metadata endpoint)";
    if (ip >> 24 == 0)
        return "unspecified address";
    if (ip >> 28 >= 0xe)
        return "multicast or reserved address";
    return is_private_v4(ip) && !private_ok ? "RFC-1918 private address" : NULL;
}

static const char *blocked_address(const char *host, bool private_ok)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return blocked_v4(ntohl(v4.s_addr), private_ok);
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return NULL;
    if (IN6_IS_ADDR_LOOPBACK(&v6))
        return "loopback address";
    if (IN6_IS_ADDR_LINKLOCAL(&v6))
        return "link-local address (cloud metadata endpoint)";
    if (IN6_IS_ADDR_UNSPECIFIED(&v6))
        return "unspecified address";
    return NULL;
}

bool rest_url_ok(const struct org *org, const char *url, char reason[200])
{
    const char *sep = strstr(url, "://");
    int scheme_len = sep ? (int)(sep - url) : 0;
    bool http = sep && ((scheme_len == 4 && strncasecmp(url, "http", 4) == 0) ||
                        (scheme_len == 5 && strncasecmp(url, "https", 5) == 0));
    if (!http) {
        snprintf(reason, 200, "url scheme must be http or https, got \"%.*s\"",
                 scheme_len > 100 ? 100 : scheme_len, url);
        return false;
    }
    const char *host = sep + 3;
    size_t len = strcspn(host, "/?#");
    const char *at = memchr(host, '@', len);
    if (at)
        host = at + 1;
    if (host[0] == '[') {
        host++;
        len = strcspn(host, "]");
    } else {
        len = strcspn(host, ":/?#");
    }
    char name[128];
    snprintf(name, sizeof(name), "%.*s", (int)(len > 120 ? 120 : len), host);
    if (!name[0]) {
        snprintf(reason, 200, "url has no host");
        return false;
    }
    const char *label = blocked_address(name, !org->plat->self_hosted);
    if (label)
        snprintf(reason, 200, "url targets a blocked address: %s", label);
    return label == NULL;
}
