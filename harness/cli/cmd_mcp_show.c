/* What waybill mcp prints: without the token, and without what would steer a terminal. */
#include "cli/cmd_mcp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/table.h"
#include "base/utf8.h"
#include "io/json.h"
#include "mcp/jsonrpc.h"
#include "run/verdict.h"

/* The token has no business in anything that is shown. */
void mcp_hide_token(const struct mcp_session *s, const char *text, size_t len,
                    struct buf *out)
{
    const char *end = text + len;
    size_t n = s->token ? strlen(s->token) : 0;
    while (n > 0) {
        const char *at = memmem(text, (size_t)(end - text), s->token, n);
        if (!at)
            break;
        buf_add(out, text, (size_t)(at - text));
        buf_addf(out, "<secret:%s>", s->a->bearer_env);
        text = at + n;
    }
    buf_add(out, text, (size_t)(end - text));
}

void mcp_safe_line(const struct mcp_session *s, const char *text, struct buf *out)
{
    CLEANUP(buf_release) struct buf hidden = BUF_INIT(LIMIT_REPORT);
    mcp_hide_token(s, text, strlen(text), &hidden);
    utf8_add_line(out, hidden.data);
}

/* steers: what is in the text may steer the terminal. */
static void write_to(const struct mcp_session *s, FILE *file, const struct buf *text,
                     bool steers)
{
    CLEANUP(buf_release) struct buf hidden = BUF_INIT(LIMIT_REPORT);
    CLEANUP(buf_release) struct buf clean = BUF_INIT(LIMIT_REPORT);
    const struct buf *out = &hidden;
    mcp_hide_token(s, text->data, text->len, &hidden);
    if (!steers) {
        utf8_add_shown(&clean, hidden.data, hidden.len);
        out = &clean;
    }
    fwrite(out->data, 1, out->len, file);
}

void mcp_print(const struct mcp_session *s, const struct buf *text)
{
    write_to(s, stdout, text, !isatty(STDOUT_FILENO));
}

void mcp_print_styled(const struct mcp_session *s, const struct buf *text)
{
    write_to(s, stdout, text, true);
}

void mcp_print_json(const struct mcp_session *s, const json_t *value)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    json_render(value, JSON_PRETTY, &out);
    buf_addc(&out, '\n');
    mcp_print(s, &out);
}

/* ---- answers ---- */

json_t *mcp_sentences(const struct strv *list)
{
    json_t *array = xcheck(json_array());
    for (size_t i = 0; i < list->n; i++)
        json_push(array, json_str_new(list->v[i]));
    return array;
}

static const struct name_row outcome_names[] = {
    {MCP_OK, "ok"},
    {MCP_TOOL_ERROR, "tool_error"},
    {MCP_RPC_ERROR, "rpc_error"},
    {MCP_HTTP_ERROR, "http_error"},
    {MCP_INPUT_REQUIRED, "input_required"},
    {0, NULL},
};

void mcp_print_findings_with(struct mcp_session *s, json_t *j)
{
    if (s->client)
        mcp_session_keep_findings(s);
    json_put(j, "findings", mcp_sentences(&s->findings));
    mcp_print_json(s, j);
    json_decref(j);
}

void mcp_print_answer(struct mcp_session *s, const struct mcp_answer *a)
{
    json_t *j =
        json_make("{s:s,s:I,s:s*}", "outcome", table_name(outcome_names, a->outcome),
                  "elapsed_ms", (json_int_t)a->elapsed_ms, "revision",
                  s->client ? mcp_revision(s->client) : NULL);
    if (a->http_status)
        json_put(j, "http_status", json_integer(a->http_status));
    if (a->result)
        json_put(j, "result", json_incref(a->result));
    if (a->outcome == MCP_RPC_ERROR)
        json_put(j, "error",
                 json_make("{s:i,s:s,s:O*}", "code", a->rpc_code, "message",
                           a->rpc_message, "data", a->rpc_data));
    if (a->http_body)
        json_put(j, "body", json_str_new(a->http_body));
    if (a->challenge)
        json_put(j, "challenge", json_str_new(a->challenge));
    mcp_print_findings_with(s, j);
}

void mcp_print_broken(struct mcp_session *s, const struct err *err)
{
    mcp_print_findings_with(
        s, json_make("{s:s,s:s}", "outcome", "broken", "error", err->text));
}

/* What of the command line may be to blame. */
static const char *what_else(const struct mcp_session *s, const struct mcp_answer *a)
{
    const struct mcp_revision *asked = mcp_revision_find(s->a->revision);
    if (a->http_status == 401)
        return mcp_sends_authorization(s)
                   ? "; the one that was sent is refused"
                   : "; --bearer-env NAME or -H 'Authorization: ...' sends one";
    if (a->http_status >= 300 && a->http_status < 400)
        return "; redirects are not followed";
    if (!s->open && asked && asked->era == MCP_MODERN && a->outcome == MCP_RPC_ERROR &&
        a->rpc_code == RPC_METHOD_NOT_FOUND)
        return "; does it speak that revision? without --revision it is found out";
    /* Before the first answer that could be read, a wrong address looks like an old
     * server. */
    if (!s->url || mcp_revision(s->client) || a->outcome != MCP_HTTP_ERROR)
        return "";
    bool empty = !a->http_body || !*a->http_body;
    if (a->http_status == 405 || (a->http_status == 404 && empty))
        return "; is the path right? the transport of 2024-11-05 (HTTP with SSE) is not "
               "spoken";
    return a->http_status == 404 ? "; is the path right?" : "";
}

int mcp_complain(const struct mcp_session *s, const char *what,
                 const struct mcp_answer *a)
{
    CLEANUP(buf_release) struct buf words = BUF_INIT(LIMIT_ERROR_TEXT);
    mcp_answer_words(a, &words);
    mcp_say(s, "%s: %s%s", what, words.data, what_else(s, a));
    return EXIT_FAILED;
}

int mcp_refused(struct mcp_session *s, const char *what, const struct mcp_answer *a)
{
    if (s->a->json)
        mcp_print_answer(s, a);
    return mcp_complain(s, what, a);
}

/* ---- on the way ---- */

void mcp_print_findings(const struct mcp_session *s)
{
    for (size_t i = 0; i < s->findings.n; i++)
        mcp_say(s, "the server breaks %s%s: %s",
                s->revision ? "revision " : "the protocol, with no revision agreed on",
                s->revision ? s->revision : "", s->findings.v[i]);
}

void mcp_say(const struct mcp_session *s, const char *fmt, ...)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_REPORT);
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    mcp_safe_line(s, text.data, &out);
    fprintf(stderr, "waybill: %s\n", out.data);
}

static void add_finding(const char *finding, struct buf *out)
{
    buf_adds(out, "  ! ");
    utf8_add_line(out, finding);
    buf_addc(out, '\n');
}

void mcp_show_frame(const struct mcp_frame_seen *seen, void *arg)
{
    static const char *const arrows[] = {
        [MCP_SENT] = "-->", [MCP_RECEIVED] = "<--", [MCP_JUNK] = "???"};
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_LINE);
    buf_addf(&out, "%s ", arrows[seen->direction]);
    buf_add(&out, seen->text, seen->len);
    buf_addc(&out, '\n');
    for (size_t i = 0; i < seen->findings->n; i++)
        add_finding(seen->findings->v[i], &out);
    write_to(arg, stderr, &out, false);
}

void mcp_show_stderr(const char *line, size_t len, void *arg)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_LINE);
    buf_adds(&out, "2>  ");
    buf_add(&out, line, len);
    buf_addc(&out, '\n');
    write_to(arg, stderr, &out, false);
}

void mcp_show_notification(const char *method, const json_t *params, void *arg)
{
    const struct mcp_session *s = arg;
    const json_t *progress = json_object_get(params, "progress");
    if (s->a->json || strcmp(method, "notifications/progress") != 0)
        return;
    CLEANUP(buf_release) struct buf of = BUF_INIT(LIMIT_ERROR_TEXT);
    const json_t *total = json_object_get(params, "total");
    if (total)
        buf_addf(&of, " of %g", json_number_value(total));
    const char *message = json_str(params, "message", "");
    mcp_say(s, "progress %g%s%s%s", json_number_value(progress), of.data,
            *message ? ": " : "", message);
}

/* ---- content ---- */

static bool add_text(const json_t *holder, struct buf *out)
{
    const json_t *text = json_object_get(holder, "text");
    if (!json_is_string(text))
        return false;
    buf_add(out, json_string_value(text), json_string_length(text));
    buf_addc(out, '\n');
    return true;
}

static void add_word(const json_t *holder, const char *key, struct buf *out)
{
    const char *word = json_str(holder, key, "");
    if (!*word)
        return;
    buf_addc(out, ' ');
    utf8_add_line(out, word);
}

/* Bytes that a base64 text stands for. */
static size_t decoded(const char *base64)
{
    size_t n = strlen(base64);
    while (n > 0 && base64[n - 1] == '=')
        n--;
    return n * 3 / 4;
}

/* A block without a text, in brackets: what it is, where it is, how large it is. */
static void add_block(const json_t *block, struct buf *out)
{
    const char *type = json_str(block, "type", "?");
    const json_t *holder = block;
    const char *data = json_str(block, "data", NULL);
    if (strcmp(type, "resource") == 0) {
        holder = json_object_get(block, "resource");
        data = json_str(holder, "blob", NULL);
        if (add_text(holder, out))
            return;
    }
    buf_addc(out, '[');
    utf8_add_line(out, type);
    add_word(holder, "name", out);
    add_word(holder, "uri", out);
    add_word(holder, "mimeType", out);
    if (data)
        buf_addf(out, ", %zu bytes", decoded(data));
    else if (json_is_integer(json_object_get(holder, "size")))
        buf_addf(out, ", %lld bytes", (long long)json_int(holder, "size", 0));
    buf_adds(out, "]\n");
}

void mcp_print_content(const struct mcp_session *s, const json_t *result)
{
    const json_t *content = json_object_get(result, "content");
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *block = json_array_get(content, i);
        if (!add_text(block, &out))
            add_block(block, &out);
    }
    const json_t *structured = json_object_get(result, "structuredContent");
    if (!json_array_size(content) && structured) {
        json_render(structured, JSON_PRETTY, &out);
        buf_addc(&out, '\n');
    }
    mcp_print(s, &out);
}
