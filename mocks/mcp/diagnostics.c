#include "mocks/mcp/diagnostics.h"

#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"
#include "mcp/meta.h"
#include "mocks/mcp/tools.h"

enum { TICK_MS = 10, RECONNECT_MS = 50 };

struct diagnostics {
    struct loop *loop;
    int64_t cancelled; /* calls, so far */
};

/* A call that takes its time. */
struct running {
    struct diagnostics *d;
    struct exchange *x;
    struct loop_timer *timer;
    int step;
};

/* ---- contents ---- */

/* One red pixel. */
#define PNG                                                                              \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/"          \
    "pLvAAAAAElF"                                                                        \
    "TkSuQmCC"
/* A header, and no sound. */
#define WAV "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="

static json_t *text_block(const char *text)
{
    return json_make("{s:s,s:s}", "type", "text", "text", text);
}

static json_t *image_block(void)
{
    return json_make("{s:s,s:s,s:s}", "type", "image", "data", PNG, "mimeType",
                     "image/png");
}

static json_t *resource_block(void)
{
    return json_make("{s:s,s:{s:s,s:s,s:s}}", "type", "resource", "resource", "uri",
                     "test://embedded-resource", "mimeType", "text/plain", "text",
                     "the text of an embedded resource");
}

/* block: taken. */
static void answer_block(struct exchange *x, json_t *block)
{
    exchange_result(x, json_make("{s:[o]}", "content", block));
}

/* ---- the tools ---- */

static void run_text(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    mcp_tools_text(x, "This is a simple text response for testing.", false);
}

static void run_image(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    answer_block(x, image_block());
}

static void run_audio(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    if (exchange_has(x, MCP_F_AUDIO))
        answer_block(x, json_make("{s:s,s:s,s:s}", "type", "audio", "data", WAV,
                                  "mimeType", "audio/wav"));
    else
        mcp_tools_text(x, "this revision has no audio contents", true);
}

static void run_resource(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    answer_block(x, resource_block());
}

static void run_mixed(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    exchange_result(x, json_make("{s:[o,o,o]}", "content", text_block("three contents"),
                                 image_block(), resource_block()));
}

static void run_error(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    mcp_tools_text(x, "this tool always fails", true);
}

static void run_capability(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    if (exchange_has(x, MCP_F_RESULT_TYPE) && !exchange_client_can(x, "sampling"))
        exchange_error(x, MCP_MISSING_CAPABILITY,
                       "the tool needs the capability sampling",
                       json_make("{s:{s:{}}}", "requiredCapabilities", "sampling"));
    else
        mcp_tools_text(x, "the client can do what is needed", false);
}

static void run_logging(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)d;
    (void)args;
    exchange_log(x, "debug", "a detail");
    exchange_log(x, "info", "the tool runs");
    exchange_log(x, "error", "nothing is wrong");
    mcp_tools_text(x, "logged, as far as it was asked for", false);
}

static void run_structured(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    json_t *result = rpc_tool_text("{\"ok\":true}", false);

    (void)d;
    (void)args;
    if (exchange_has(x, MCP_F_STRUCTURED) &&
        json_object_set_new(result, "structuredContent", json_make("{s:b}", "ok", 1)))
        abort(); /* out of memory */
    exchange_result(x, result);
}

/* What arrived, for who wants to compare it. */
static void run_echo(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    char *text CLEANUP(free_ptr) = json_text(args, JSON_STRUCT);

    (void)d;
    mcp_tools_text(x, text, false);
}

static void run_count(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    char *text CLEANUP(free_ptr) = xasprintf("%lld", (long long)d->cancelled);

    (void)args;
    mcp_tools_text(x, text, false);
}

/* ---- those that take time ---- */

/* Ends the run and tells its exchange. */
static void finish(struct running *r, const char *text)
{
    struct exchange *x = r->x;

    free(r);
    mcp_tools_text(x, text, false);
}

static void start(struct diagnostics *d, struct exchange *x, int64_t delay_ms,
                  loop_fn *fn)
{
    struct running *r = xcalloc(1, sizeof(*r));

    r->d = d;
    r->x = x;
    exchange_set_user(x, r);
    r->timer = loop_timer_add(d->loop, delay_ms, fn, r);
}

static void progress_tick(void *arg)
{
    struct running *r = arg;

    r->timer = NULL;
    exchange_progress(r->x, r->step * 50, 100, "on its way");
    exchange_progress(r->x, r->step * 50, 100, "no news, which nobody is told");
    if (r->step++ == 2)
        finish(r, "done in three steps");
    else
        r->timer = loop_timer_add(r->d->loop, TICK_MS, progress_tick, r);
}

static void run_progress(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    (void)args;
    start(d, x, TICK_MS, progress_tick);
}

static void waited(void *arg)
{
    finish(arg, "waited");
}

static void run_slow(struct diagnostics *d, struct exchange *x, const json_t *args)
{
    const json_t *ms = json_object_get(args, "ms"); /* an integer, perhaps as 5.0 */

    start(d, x, ms ? (int64_t)json_number_value(ms) : 1000, waited);
    exchange_progress(x, 0, -1, NULL);
}

static void reconnected(void *arg)
{
    finish(arg, "the answer came after the stream was closed");
}

static void run_reconnection(struct diagnostics *d, struct exchange *x,
                             const json_t *args)
{
    (void)args;
    start(d, x, RECONNECT_MS, reconnected);
    exchange_close_stream(x);
}

/* ---- the table ---- */

typedef void diagnostic_fn(struct diagnostics *d, struct exchange *x, const json_t *args);

#define NO_ARGUMENTS "{\"type\":\"object\",\"additionalProperties\":false}"

/* clang-format off */
static const struct {
    const char *name, *about, *schema;
    diagnostic_fn *run;
    bool authorized; /* only for who presents an authorization */
} TOOLS[] = {
    {"test_simple_text", "Answers one text.", NO_ARGUMENTS, run_text, false},
    {"test_image_content", "Answers an image.", NO_ARGUMENTS, run_image, false},
    {"test_audio_content", "Answers a sound.", NO_ARGUMENTS, run_audio, false},
    {"test_embedded_resource", "Answers an embedded resource.", NO_ARGUMENTS, run_resource, false},
    {"test_multiple_content_types", "Answers a text, an image and a resource.", NO_ARGUMENTS, run_mixed, false},
    {"test_error_handling", "Always fails.", NO_ARGUMENTS, run_error, false},
    {"test_tool_with_progress", "Reports progress three times.", NO_ARGUMENTS, run_progress, false},
    {"test_missing_capability", "Needs a client that can sample.", NO_ARGUMENTS, run_capability, false},
    {"test_streaming_elicitation", "Reports progress and asks nothing.", NO_ARGUMENTS, run_progress, false},
    {"test_logging_tool", "Logs what the request asked for.", NO_ARGUMENTS, run_logging, false},
    {"test_reconnection", "Closes its stream and answers who comes back.", NO_ARGUMENTS, run_reconnection, false},
    {"test_headers", "Takes arguments that headers repeat, and says them.",
     "{\"type\":\"object\",\"properties\":{"
     "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
     "\"count\":{\"type\":\"integer\",\"x-mcp-header\":\"Count\"},"
     "\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"Dry\"}},"
     "\"additionalProperties\":false}", run_echo, false},
    {"json_schema_2020_12_tool", "Has a schema with what 2020-12 brought.",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
     "\"$defs\":{\"address\":{\"$anchor\":\"addressDef\",\"type\":\"object\",\"properties\":{"
     "\"street\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"}}}},"
     "\"properties\":{\"name\":{\"type\":\"string\"},\"address\":{\"$ref\":\"#/$defs/address\"},"
     "\"contactMethod\":{\"type\":\"string\",\"enum\":[\"phone\",\"email\"]},"
     "\"phone\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"}},"
     "\"allOf\":[{\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":[\"email\"]}]}],"
     "\"if\":{\"properties\":{\"contactMethod\":{\"const\":\"phone\"}},\"required\":[\"contactMethod\"]},"
     "\"then\":{\"required\":[\"phone\"]},\"else\":{\"required\":[\"email\"]},"
     "\"additionalProperties\":false}", run_echo, false},
    {"test_structured", "Answers a value beside its text.", NO_ARGUMENTS, run_structured, false},
    {"test_slow", "Answers after some time.",
     "{\"type\":\"object\",\"properties\":{\"ms\":{\"type\":\"integer\",\"minimum\":0,"
     "\"maximum\":60000}},\"additionalProperties\":false}", run_slow, false},
    {"test_cancellations", "Says how many calls were cancelled.", NO_ARGUMENTS, run_count, false},
    {"test_authorized", "Is there for who presents an authorization.", NO_ARGUMENTS, run_text, true},
};
/* clang-format on */

void diagnostics_add_views(json_t *views)
{
    for (size_t i = 0; i < ARRAY_SIZE(TOOLS); i++) {
        json_t *schema = NULL;
        if (json_parse(TOOLS[i].schema, strlen(TOOLS[i].schema), &schema, NULL))
            abort(); /* a row of our own table is wrong; the tests list them */
        if (json_array_append_new(views, json_make("{s:s,s:s,s:o}", "name", TOOLS[i].name,
                                                   "description", TOOLS[i].about,
                                                   "inputSchema", schema)))
            abort(); /* out of memory */
    }
}

bool diagnostics_offered(const struct exchange *x, size_t i)
{
    return !TOOLS[i].authorized || exchange_header(x, "Authorization");
}

void diagnostics_call(struct diagnostics *d, struct exchange *x, size_t i,
                      const json_t *args)
{
    TOOLS[i].run(d, x, args);
}

void diagnostics_gone(struct diagnostics *d, struct exchange *x)
{
    struct running *r = exchange_user(x);

    d->cancelled++;
    if (r)
        loop_timer_cancel(r->timer);
    free(r);
}

struct diagnostics *diagnostics_new(struct loop *loop)
{
    struct diagnostics *d = xcalloc(1, sizeof(*d));

    d->loop = loop;
    return d;
}

void diagnostics_free(struct diagnostics *d)
{
    free(d);
}
