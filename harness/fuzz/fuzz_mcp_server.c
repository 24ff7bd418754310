/* Lines on the standard input of an MCP server: whatever they hold, in either era, there
 * are never more answers than messages; every line that comes out is a frame, and one
 * that its revision allows; and the server ends when its input does. */
#include "fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"
#include "mocks/mcp/frames.h"
#include "mocks/mcp/server.h"
#include "mocks/mcp/stdio.h"
#include "mocks/mcp/tools.h"

static const char VIEWS[] =
    "[{\"name\":\"now\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\","
    "\"properties\":{\"n\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\","
    "\"pattern\":\"^a+$\"}},\"required\":[\"n\"],\"additionalProperties\":false}},"
    "{\"name\":\"later\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\"}},"
    "{\"name\":\"last\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\","
    "\"maxProperties\":0}}]";

enum { NOW };

struct host {
    struct loop *loop;
    struct mcp_tools *tools;
    struct mcp_frames *frames;
    bool ended, failed;
};

/* A call that is answered from the loop, after all lines of the input were read. */
struct call {
    struct exchange *x;
    struct loop_timer *timer;
};

static void on_hello(struct exchange *x, void *arg)
{
    (void)arg;
    json_t *hello CLEANUP(json_drop) =
        json_make("{s:{s:{}},s:{s:s,s:s}}", "capabilities", "tools", "serverInfo", "name",
                  "fuzzed", "version", "1");
    exchange_hello(x, hello);
}

static void on_time(void *arg)
{
    struct call *c = arg;
    struct exchange *x = c->x;
    free(c);
    exchange_progress(x, 2, -1, "done");
    mcp_tools_text(x, "later", false);
}

static void on_call(struct exchange *x, size_t index, json_t *args, void *arg)
{
    struct host *h = arg;
    (void)args;
    exchange_log(x, "info", "called");
    exchange_progress(x, 1, 2, "begun");
    if (index == NOW) {
        mcp_tools_text(x, "now\nand\r\nthen", false);
        return;
    }
    struct call *c = xcalloc(1, sizeof(*c));
    c->x = x;
    exchange_set_user(x, c);
    c->timer = loop_timer_add(h->loop, 0, on_time, c);
}

static void on_request(struct exchange *x, void *arg)
{
    struct host *h = arg;
    mcp_tools_request(h->tools, x);
}

static void on_gone(struct exchange *x, void *arg)
{
    struct call *c = exchange_user(x);
    (void)arg;
    ALWAYS(c);
    loop_timer_cancel(c->timer);
    free(c);
}

static void on_end(const struct err *err, void *arg)
{
    struct host *h = arg;
    h->ended = true;
    h->failed = err != NULL;
    loop_stop(h->loop);
}

/* How many messages are in a line; those that come out are frames, and no requests: a
 * server asks nothing of its clients. */
static size_t count_messages(const char *line, size_t len)
{
    json_t *root CLEANUP(json_drop) = NULL;
    bool batch = json_parse(line, len, &root, NULL) == 0 && json_is_array(root);
    size_t n = batch ? json_array_size(root) : 1;
    return n ? n : 1;
}

static size_t count_answers(const char *line, size_t len)
{
    json_t *root CLEANUP(json_drop) = NULL;
    size_t answers = 0;
    ALWAYS(json_parse(line, len, &root, NULL) == 0);
    size_t n = json_is_array(root) ? json_array_size(root) : 1;
    ALWAYS(n > 0);
    for (size_t i = 0; i < n; i++) {
        struct rpc_frame f CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
        json_t *one = json_is_array(root) ? json_array_get(root, i) : root;
        ALWAYS(rpc_parse_take(json_incref(one), &f, NULL, NULL) == 0);
        ALWAYS(f.kind != RPC_REQUEST);
        answers += f.kind == RPC_RESPONSE;
    }
    return answers;
}

typedef size_t count_fn(const char *line, size_t len);

static size_t sum(const char *text, size_t size, count_fn *count)
{
    size_t n = 0;
    for (const char *at = text, *end = NULL; at < text + size; at = end + 1) {
        end = memchr(at, '\n', (size_t)(text + size - at));
        end = end ? end : text + size;
        n += count(at, (size_t)(end - at));
    }
    return n;
}

static void check_output(int fd, const char *in, size_t size)
{
    off_t len = lseek(fd, 0, SEEK_END);
    ALWAYS(len >= 0);
    if (len == 0)
        return;
    char *text = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, fd, 0);
    ALWAYS(text != MAP_FAILED && text[len - 1] == '\n');
    ALWAYS(sum(text, (size_t)len, count_answers) <= sum(in, size, count_messages));
    (void)munmap(text, (size_t)len);
}

/* None of ours breaks its revision. */
static void check_frames(const struct mcp_frames *frames)
{
    json_t *seen CLEANUP(json_drop) = mcp_frames_view(frames, 0);
    json_t *rows = json_object_get(seen, "frames");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(json_str(row, "direction", ""), "out") != 0 ||
            json_bool(row, "valid", false))
            continue;
        char *text CLEANUP(free_ptr) = json_text(row, JSON_STRUCT);
        (void)fprintf(stderr, "%s\n", text);
    }
    ALWAYS(json_int(json_object_get(seen, "invalid"), "sent", -1) == 0);
}

static void serve(struct host *h, bool sdk1, int in, int out)
{
    const struct mcp_tools_options tools = {
        .call = on_call, .arg = h, .page = 2, .sdk1 = sdk1};
    const struct mcp_server_options opt = {.name = "fuzzed",
                                           .hello = on_hello,
                                           .request = on_request,
                                           .gone = on_gone,
                                           .arg = h,
                                           .sdk1 = sdk1,
                                           .frames = h->frames};
    json_t *views = NULL;
    json_t *info CLEANUP(json_drop) =
        json_make("{s:s,s:s}", "name", "fuzzed", "version", "1");
    ALWAYS(json_parse(VIEWS, sizeof(VIEWS) - 1, &views, NULL) == 0);
    h->tools = mcp_tools_new(views, &tools);
    struct mcp_server *server = mcp_server_new(&opt);
    mcp_server_set_info(server, info);
    struct mcp_stdio *t = mcp_stdio_start(h->loop, server, in, out, on_end, h);
    ALWAYS(loop_run(h->loop, NULL) == 0);
    ALWAYS(h->ended && !h->failed);
    mcp_stdio_free(t);
    mcp_server_free(server);
    mcp_tools_free(h->tools);
}

static void run(const char *data, size_t size, bool sdk1)
{
    struct host h = {.ended = false};
    int in = memfd_create("in", MFD_CLOEXEC);
    int out = memfd_create("out", MFD_CLOEXEC);
    ALWAYS(in >= 0 && out >= 0);
    ALWAYS(write(in, data, size) == (ssize_t)size && lseek(in, 0, SEEK_SET) == 0);
    ALWAYS(loop_new(&h.loop, NULL) == 0);
    h.frames = mcp_frames_new();
    serve(&h, sdk1, in, out);
    check_output(out, data, size);
    /* The shipped manners break rules on purpose. */
    if (!sdk1)
        check_frames(h.frames);
    mcp_frames_free(h.frames);
    loop_free(h.loop);
    (void)close(in);
    (void)close(out);
}

/* A first '!' asks for the manners of SDK 1.x. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool sdk1 = size > 0 && data[0] == '!';
    run((const char *)data + sdk1, size - sdk1, sdk1);
    return 0;
}
