#include "io/http.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/http_curl.h"
#include "io/http_easy.h"

enum { CONNECT_TIMEOUT_MS = 10000, LIMIT_RESPONSE_HEADERS = 1000 };

void http_request_release(struct http_request *req)
{
    strv_release(&req->headers);
}

void http_response_release(struct http_response *resp)
{
    strv_release(&resp->headers);
    buf_release(&resp->body);
    resp->status = 0;
    resp->elapsed_ms = 0;
    resp->stopped = false;
}

const char *http_response_header(const struct http_response *resp, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < resp->headers.n; i++) {
        const char *h = resp->headers.v[i];
        if (strncasecmp(h, name, n) == 0 && h[n] == ':') {
            h += n + 1;
            return h + strspn(h, " \t");
        }
    }
    return NULL;
}

bool http_err_unsent(const struct err *err)
{
    static const CURLcode before[] = {
        CURLE_COULDNT_CONNECT,          CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_RESOLVE_PROXY,    CURLE_SSL_CONNECT_ERROR,
        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE};
    for (size_t i = 0; i < ARRAY_SIZE(before); i++)
        if (err->kind == ERR_NET && err->sys == (int)before[i])
            return true;
    return false;
}

char *http_escape(const char *s)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = xmalloc(3 * strlen(s) + 1);
    char *p = out;
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            *p++ = (char)c;
        } else {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        }
    }
    *p = '\0';
    return out;
}

/* ---- one transfer ---- */

int transfer_global_init(struct err *err)
{
    static bool done;
    if (done)
        return 0;
    if (http_curl_load(err))
        return -1;
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (rc != CURLE_OK) {
        int failed = err_set(err, ERR_NET, "cannot initialise libcurl: %s",
                             curl_easy_strerror(rc));
        if (err != NULL)
            err->sys = (int)rc;
        return failed;
    }
    done = true;
    return 0;
}

/* The headers are complete: does the caller want no body? "100 Continue" is no answer. */
static bool ends_at_head(const struct transfer *t)
{
    long status = 0;
    if (t->req->on_head == NULL)
        return false;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && t->req->on_head(t->req->on_data_arg) != 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * n;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    /* A status line begins a new answer: after "100 Continue" or a redirect. */
    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        strv_release(&t->resp->headers);
        return size * n;
    }
    if (len == 0 && ends_at_head(t)) {
        t->resp->stopped = true;
        return 0;
    }
    if (len > 0 && t->resp->headers.n < LIMIT_RESPONSE_HEADERS)
        strv_take(&t->resp->headers, xstrndup(line, len));
    return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * n;
    if (t->aborted)
        return CURL_WRITEFUNC_ERROR;
    if (t->req->on_data != NULL) {
        if (t->req->on_data(data, len, t->req->on_data_arg) != 0) {
            t->resp->stopped = true;
            return CURL_WRITEFUNC_ERROR;
        }
        return t->aborted ? CURL_WRITEFUNC_ERROR : len;
    }
    if (len > t->max_body - t->resp->body.len) {
        t->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    buf_add(&t->resp->body, data, len);
    return len;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct transfer *t = arg;
    (void)a, (void)b, (void)c, (void)d;
    return *t->req->stop ? 1 : 0;
}

static bool is_token(const char *s)
{
    if (*s == '\0')
        return false;
    for (; *s != '\0'; s++) {
        if (!isalnum((unsigned char)*s) && strchr("!#$%&'*+-.^_`|~", *s) == NULL)
            return false;
    }
    return true;
}

static void add_header(struct transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    t->headers = xcheck(longer);
}

static int add_headers(struct transfer *t, struct err *err)
{
    const struct strv *h = &t->req->headers;
    bool has_type = false, has_agent = false;
    for (size_t i = 0; i < h->n; i++) {
        const char *line = h->v[i];
        const char *colon = strchr(line, ':');
        /* What follows the name may be a secret. */
        size_t name = strcspn(line, ": \t\r\n");
        if (colon == NULL || colon == line || strpbrk(line, "\r\n") != NULL)
            return err_set(err, ERR_SHAPE,
                           "header '%.*s' is none: want 'Name: value', in one line",
                           name > 60 ? 60 : (int)name, line);
        if (strncasecmp(line, "Content-Type:", 13) == 0)
            has_type = true;
        if (strncasecmp(line, "User-Agent:", 11) == 0)
            has_agent = true;
        if (colon[1 + strspn(colon + 1, " \t")] != '\0') {
            add_header(t, line);
            continue;
        }
        /* libcurl's way to send a header without a value. */
        CLEANUP(free_ptr)
        char *empty = xasprintf("%.*s;", (int)(colon - line), line);
        add_header(t, empty);
    }
    add_header(t, "Expect:");
    /* libcurl would call every body a form. */
    if (!has_type)
        add_header(t, "Content-Type:");
    if (!has_agent) {
        CLEANUP(free_ptr)
        char *agent = xasprintf("User-Agent: %s/%s", program_invocation_short_name,
                                WAYBILL_VERSION);
        add_header(t, agent);
    }
    return 0;
}

/* The system's resolver does not know every name under .localhost, libcurl does; but its
 * answer begins with ::1, where nothing of ours listens. */
static bool is_loopback_name(const char *url)
{
    const char *host = strstr(url, "://");
    if (host == NULL)
        return false;
    host += 3;
    size_t len = strcspn(host, ":/?#");
    static const char name[] = "localhost";
    const size_t n = sizeof name - 1;
    if (len < n || strncasecmp(host + len - n, name, n) != 0)
        return false;
    return len == n || host[len - n - 1] == '.';
}

#define SET(option, value)                                                               \
    do {                                                                                 \
        if (rc == CURLE_OK)                                                              \
            rc = curl_easy_setopt(t->easy, option, value);                               \
    } while (0)

static CURLcode set_method(struct transfer *t)
{
    CURLcode rc = CURLE_OK;
    const struct http_request *req = t->req;
    const char *method = req->method == NULL ? "GET" : req->method;
    bool has_body = req->body != NULL || strcmp(method, "POST") == 0;
    if (strcmp(method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    if (has_body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, req->body == NULL ? "" : req->body);
        SET(CURLOPT_POSTFIELDSIZE_LARGE,
            (curl_off_t)(req->body == NULL ? 0 : req->body_len));
    }
    bool native =
        strcmp(method, "HEAD") == 0 || strcmp(method, has_body ? "POST" : "GET") == 0;
    if (!native)
        SET(CURLOPT_CUSTOMREQUEST, method);
    return rc;
}

static CURLcode set_manners(struct transfer *t)
{
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_ERRORBUFFER, t->why);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    return rc;
}

static CURLcode set_request(struct transfer *t)
{
    CURLcode rc = CURLE_OK;
    const struct http_request *req = t->req;
    SET(CURLOPT_URL, req->url);
    SET(CURLOPT_HTTPHEADER, t->headers);
    if (is_loopback_name(req->url))
        SET(CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
    if (req->ca_file != NULL)
        SET(CURLOPT_CAINFO, req->ca_file);
    if (req->stop != NULL) {
        SET(CURLOPT_NOPROGRESS, 0L);
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, t);
    }
    SET(CURLOPT_FOLLOWLOCATION, req->max_redirects > 0 ? 1L : 0L);
    SET(CURLOPT_MAXREDIRS, (long)(req->max_redirects > 0 ? req->max_redirects : 0));
    SET(CURLOPT_TIMEOUT_MS, (long)(req->timeout_ms > 0 ? req->timeout_ms : 0));
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)(req->connect_timeout_ms > 0 ? req->connect_timeout_ms
                                           : CONNECT_TIMEOUT_MS));
    return rc;
}
#undef SET

int transfer_setup(struct transfer *t, struct err *err)
{
    const struct http_request *req = t->req;
    if (req->url == NULL || (strncasecmp(req->url, "http://", 7) != 0 &&
                             strncasecmp(req->url, "https://", 8) != 0))
        return err_set(err, ERR_SHAPE, "'%.200s' is not an http or https URL",
                       req->url == NULL ? "" : req->url);
    if (req->method != NULL && !is_token(req->method))
        return err_set(err, ERR_SHAPE, "'%.60s' is not an HTTP method", req->method);
    if (add_headers(t, err) < 0)
        return -1;
    t->max_body = req->max_body > 0 ? req->max_body : LIMIT_RESPONSE_BODY;
    t->resp->body.max = t->max_body;
    t->started_at_ms = clock_mono_ms();
    curl_easy_reset(t->easy);
    CURLcode rc = set_manners(t);
    if (rc == CURLE_OK)
        rc = set_method(t);
    if (rc == CURLE_OK)
        rc = set_request(t);
    if (rc != CURLE_OK)
        return err_set(err, ERR_BUG, "cannot prepare a request: %s",
                       curl_easy_strerror(rc));
    return 0;
}

char *http_url_shown(const char *url)
{
    enum { MOST = 200 };
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    const char *at = memchr(host, '@', strcspn(host, "/?#"));
    for (const char *next = at; next; next = memchr(at + 1, '@', strcspn(at + 1, "/?#")))
        at = next; /* a password may hold one, too */
    const char *rest = at ? at + 1 : host;
    size_t len = strcspn(rest, "?#");
    return xasprintf("%.*s%.*s", (int)(host - url), url, (int)(len > MOST ? MOST : len),
                     rest);
}

int transfer_outcome(struct transfer *t, CURLcode rc, struct err *err)
{
    t->resp->elapsed_ms = clock_mono_ms() - t->started_at_ms;
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->resp->status = (int)status;
    if (rc == CURLE_OK || (rc == CURLE_WRITE_ERROR && t->resp->stopped))
        return 0;
    const char *method = t->req->method == NULL ? "GET" : t->req->method;
    CLEANUP(free_ptr) char *shown = http_url_shown(t->req->url);
    if (t->too_large)
        return err_set(err, ERR_SHAPE, "%s %s: the answer is larger than %zu bytes",
                       method, shown, t->max_body);
    enum err_kind kind = ERR_NET;
    if (rc == CURLE_OPERATION_TIMEDOUT || rc == CURLE_ABORTED_BY_CALLBACK)
        kind = ERR_TIMEOUT;
    else if (rc == CURLE_URL_MALFORMAT)
        kind = ERR_SHAPE;
    bool first = err != NULL && err->kind == ERR_NONE;
    (void)err_set(err, kind, "%s %s: %s", method, shown,
                  t->why[0] != '\0' ? t->why : curl_easy_strerror(rc));
    if (first && kind == ERR_NET)
        err->sys = (int)rc;
    return -1;
}

void transfer_release(struct transfer *t)
{
    curl_slist_free_all(t->headers);
    t->headers = NULL;
}

/* ---- the client that waits ---- */

struct http {
    CURL *easy; /* made at the first request: programs that make none start faster */
};

int http_new(struct http **ret, struct err *err)
{
    (void)err;
    *ret = xcalloc(1, sizeof(struct http));
    return 0;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    if (http->easy != NULL)
        curl_easy_cleanup(http->easy);
    free(http);
}

int http_perform(struct http *http, const struct http_request *req,
                 struct http_response *ret, struct err *err)
{
    http_response_release(ret);
    if (transfer_global_init(err) < 0)
        return -1;
    if (http->easy == NULL)
        http->easy = xcheck(curl_easy_init());
    CLEANUP(transfer_release)
    struct transfer t = {.easy = http->easy, .req = req, .resp = ret};
    if (transfer_setup(&t, err) < 0)
        return -1;
    CURLcode rc = curl_easy_perform(t.easy);
    int failed = transfer_outcome(&t, rc, err);
    /* The handle outlives t: nothing of it may stay set. */
    curl_easy_reset(http->easy);
    return failed;
}
