/*
 * A box under test with a small platform of its own, for test_box_*.c.
 *
 * The test program is also the box's executable: it runs as `box`, as `mcp` and, by the
 * name npx, as the box's npx, exactly as waybill-mock does. Header only, so that every
 * test stays one program.
 */
#ifndef TESTS_BOX_FIXTURE_H
#define TESTS_BOX_FIXTURE_H

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/strv.h"
#include "io/http.h"
#include "io/httpd.h"
#include "io/json.h"
#include "io/loop.h"
#include "io/proc.h"
#include "mocks/box/box.h"
#include "mocks/management_mcp/mcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define WORKSPACE "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define MANAGEMENT "molecule-ai-plugin-molecule-platform-mcp"
#define MANAGEMENT_SOURCE "gitea://molecule-ai/" MANAGEMENT "#main"
#define REQUIRED_ID "mcp__molecule-platform__create_workspace"
#define REPO_TOKEN "repo-token"
#define ORG_KEY "org-admin-key"

struct fixture {
    char dir[64];
    struct loop *loop;
    struct http_async *http;
    struct httpd *platform;
    struct buf archive; /* what the forge answers */
    json_t *seen;       /* array of {method,path,auth,body} */
    int refuse_registers, refuse_status;
    int beats_401;
    bool forge_hangs;
    struct strv env;
    json_t *settings;
    struct proc box;
    int box_port;
    /* of the request under way */
    bool answered;
    int status;
    struct strv headers;
    struct buf body;
    char *failure;
};

/* ---- the platform ---- */

static void reply_archive(struct fixture *f, struct httpd_req *req)
{
    const char *auth = httpd_header(req, "Authorization");

    if (f->forge_hangs)
        return; /* kept, never answered */
    if (auth && strcmp(auth, "token " REPO_TOKEN) == 0)
        httpd_reply(req, 200, "application/gzip", f->archive.data, f->archive.len);
    else
        httpd_reply_text(req, 404, "not found");
}

static void platform_handle(struct httpd_req *req, void *arg)
{
    struct fixture *f = arg;
    const char *auth = httpd_header(req, "Authorization");
    json_t *body = NULL;

    (void)!json_parse(req->body, req->body_len, &body, NULL);
    json_array_append_new(f->seen, json_pack("{s:s,s:s,s:s,s:o}", "method", req->method,
                                             "path", req->path, "auth", auth ? auth : "",
                                             "body", body ? body : json_null()));
    if (strcmp(req->path, "/registry/register") == 0 && f->refuse_registers > 0) {
        f->refuse_registers--;
        httpd_reply_json(req, f->refuse_status, json_pack("{s:s}", "error", "no"));
    } else if (strcmp(req->path, "/registry/register") == 0) {
        httpd_reply_json(req, 200,
                         json_pack("{s:s,s:s,s:s}", "auth_token", "box-token",
                                   "platform_inbound_secret", "inbound", "status",
                                   "registered"));
    } else if (strcmp(req->path, "/registry/heartbeat") == 0) {
        bool refused = f->beats_401 > 0;
        f->beats_401 -= refused;
        httpd_reply_json(req, refused ? 401 : 200, json_pack("{s:s}", "status", "ok"));
    } else if (strncmp(req->path, "/api/v1/repos/", 14) == 0) {
        reply_archive(f, req);
    } else if (strcmp(req->path, "/workspaces") == 0 && *req->method == 'P') {
        httpd_reply_json(req, 201,
                         json_pack("{s:s,s:s,s:s}", "auth_token", "sekret", "id", "new-1",
                                   "status", "provisioning"));
    } else {
        httpd_reply_json(req, 200, json_pack("{s:s}", "status", "ok"));
    }
}

/* ---- waiting ---- */

typedef bool fixture_pred(struct fixture *f, void *arg);

static void tick(void *arg)
{
    loop_stop(arg);
}

/* Lets the platform work until pred holds; fails the test after 10 s. */
static void pump(struct fixture *f, fixture_pred *pred, void *arg, const char *what)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());

    while (!pred(f, arg)) {
        if (clock_mono_ms() > deadline)
            fail_msg("waited in vain for %s", what);
        loop_timer_add(f->loop, 2, tick, f->loop);
        if (loop_run(f->loop, NULL) < 0)
            fail_msg("the loop failed");
    }
}

/* How many requests to path were seen. */
static int count_seen(const struct fixture *f, const char *path)
{
    json_t *entry;
    size_t i;
    int n = 0;

    json_array_foreach(f->seen, i, entry) n +=
        strcmp(json_str(entry, "path", ""), path) == 0;
    return n;
}

/* The n-th (from 0; -1 = last) request to path; borrowed, NULL = none. */
static json_t *nth_seen(const struct fixture *f, const char *path, int n)
{
    json_t *entry;
    json_t *found = NULL;
    size_t i;

    json_array_foreach(f->seen, i, entry)
    {
        if (strcmp(json_str(entry, "path", ""), path) != 0)
            continue;
        found = entry;
        if (n-- == 0)
            return found;
    }
    return n < 0 ? found : NULL;
}

struct wanted {
    const char *path;
    int n;
};

static bool seen_enough(struct fixture *f, void *arg)
{
    const struct wanted *w = arg;

    return count_seen(f, w->path) >= w->n;
}

UNUSED static void await_seen(struct fixture *f, const char *path, int n)
{
    struct wanted w = {.path = path, .n = n};

    pump(f, seen_enough, &w, path);
}

/* Waits for n more heartbeats and returns the body of the last one, borrowed. */
UNUSED static json_t *await_beat(struct fixture *f, int n)
{
    await_seen(f, "/registry/heartbeat", count_seen(f, "/registry/heartbeat") + n);
    return json_object_get(nth_seen(f, "/registry/heartbeat", -1), "body");
}

static bool seen_report(struct fixture *f, void *arg)
{
    const json_t *last = nth_seen(f, "/registry/heartbeat", -1);

    return seen_enough(f, arg) &&
           json_object_get(json_object_get(last, "body"), "loaded_mcp_tools");
}

/* Waits for a heartbeat that reports tools and returns its body, borrowed. The first ones
 * come without when the servers take long. */
UNUSED static json_t *await_report(struct fixture *f)
{
    const char *path = "/registry/heartbeat";
    struct wanted w = {.path = path, .n = count_seen(f, path) + 1};

    pump(f, seen_report, &w, "tools in a heartbeat");
    return json_object_get(nth_seen(f, path, -1), "body");
}

/* ---- asking the box ---- */

static void on_answer(const struct http_response *resp, const struct err *failed,
                      void *arg)
{
    struct fixture *f = arg;

    f->answered = true;
    f->status = resp ? resp->status : 0;
    if (failed)
        f->failure = xstrdup(failed->text);
    if (resp) {
        strv_copy(&f->headers, &resp->headers);
        buf_add(&f->body, resp->body.data, resp->body.len);
    }
}

static bool was_answered(struct fixture *f, void *arg)
{
    (void)arg;
    return f->answered;
}

/* Asks the box; status, headers and body are then in the fixture. headers: "A: b" lines
 * separated by newlines, NULL = none. */
UNUSED static void ask(struct fixture *f, const char *method, const char *path,
                       const char *headers, const char *body)
{
    struct http_request req = HTTP_REQUEST_INIT;
    char *url = xasprintf("http://127.0.0.1:%d%s", f->box_port, path);

    f->answered = false;
    strv_release(&f->headers);
    buf_reset(&f->body);
    free(f->failure);
    f->failure = NULL;
    strv_split(&req.headers, headers ? headers : "", '\n');
    req.method = method;
    req.url = url;
    req.body = body;
    req.body_len = body ? strlen(body) : 0;
    req.timeout_ms = 20000;
    (void)http_async_start(f->http, &req, on_answer, f);
    http_request_release(&req);
    free(url);
    pump(f, was_answered, NULL, "an answer of the box");
    if (f->failure)
        fail_msg("%s %s: %s", method, path, f->failure);
}

/* The body of the last answer; the caller owns it. */
UNUSED static json_t *body_json(const struct fixture *f)
{
    json_t *j = NULL;
    struct err err = ERR_INIT;

    if (json_parse(f->body.data, f->body.len, &j, &err) < 0)
        fail_msg("%s: %s", err.text, f->body.data);
    return j;
}

UNUSED static const char *header(const struct fixture *f, const char *name)
{
    const struct http_response resp = {.headers = f->headers};

    return http_response_header(&resp, name);
}

/* The agent's answer to a message; the caller frees. */
UNUSED static char *reply_to(struct fixture *f, const char *text)
{
    json_t *message =
        json_pack("{s:s,s:s,s:i,s:{s:{s:s,s:[{s:s,s:s}]}}}", "jsonrpc", "2.0", "method",
                  "message/send", "id", 7, "params", "message", "messageId", "m", "parts",
                  "kind", "text", "text", text);
    char *body = json_text(message, JSON_STRUCT);
    json_decref(message);
    ask(f, "POST", "/", "Content-Type: application/json", body);
    free(body);
    json_t *answer = body_json(f);
    json_t *part =
        json_array_get(json_object_get(json_object_get(answer, "result"), "parts"), 0);
    char *reply = xstrdup(json_str(part, "text", "(no text)"));
    json_decref(answer);
    return reply;
}

/* ---- files of the box ---- */

UNUSED static void put(const struct fixture *f, const char *rel, const char *text)
{
    char *path = fs_join(f->dir, rel);
    struct err err = ERR_INIT;

    if (fs_mkparents(path, &err) < 0 ||
        fs_write(path, text, strlen(text), 0644, &err) < 0)
        fail_msg("%s", err.text);
    free(path);
}

/* The text of a file under the box's root, "" when it is absent; the caller frees. */
UNUSED static char *text_of(const struct fixture *f, const char *rel)
{
    char *path = fs_join(f->dir, rel);
    struct buf b = BUF_INIT(LIMIT_FILE);

    (void)!fs_read(path, &b, NULL);
    free(path);
    return buf_steal(&b);
}

static bool console_says(struct fixture *f, void *arg)
{
    char *text = text_of(f, "console.log");
    bool found = strstr(text, arg) != NULL;

    free(text);
    return found;
}

UNUSED static void await_console(struct fixture *f, const char *line)
{
    pump(f, console_says, (void *)(uintptr_t)line, line);
}

/* ---- life ---- */

UNUSED static void set_switch(struct fixture *f, const char *name, const char *value)
{
    json_object_set_new(json_object_get(f->settings, "switches"), name,
                        json_string(value));
}

UNUSED static void set_fault(struct fixture *f, const char *name, const char *mode)
{
    json_object_set_new(json_object_get(f->settings, "faults"), name, json_string(mode));
}

static void write_settings(const struct fixture *f)
{
    char *text = json_text(f->settings, JSON_PRETTY);

    put(f, "settings.json", text);
    free(text);
}

static void start_box(struct fixture *f)
{
    char *const argv[] = {fs_self_exe(NULL), (char[]){"box"}, NULL};
    char *log = fs_join(f->dir, "console.log");
    struct proc_spec spec = PROC_SPEC_INIT;
    struct err err = ERR_INIT;
    int listen_fd = -1;
    FILE *out = fopen(log, "ae");

    write_settings(f);
    if (!out || httpd_bind(0, &listen_fd, &err) < 0)
        fail_msg("cannot prepare a box: %s", err.text);
    f->box_port = httpd_fd_port(listen_fd);
    char *url = xasprintf("http://localhost:%d", f->box_port);
    strv_env_set(&f->env, "MOLECULE_WORKSPACE_URL", url);
    spec.argv = argv;
    spec.env = &f->env;
    spec.out = fileno(out);
    spec.err = fileno(out);
    spec.pass_fd = listen_fd;
    int rc = proc_spawn(&spec, &f->box, &err);
    free(url);
    free(log);
    free(argv[0]);
    (void)fclose(out);
    (void)close(listen_fd);
    if (rc < 0)
        fail_msg("%s", err.text);
}

/* Asks it to end; its exit code, or minus the signal. */
UNUSED static int end_box(struct fixture *f)
{
    int status = 0;

    proc_signal(&f->box, SIGTERM);
    if (proc_wait(&f->box, clock_mono_ms() + 10000, &status, NULL) != 0)
        fail_msg("the box did not end");
    proc_release(&f->box);
    f->box = (struct proc)PROC_INIT;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    char *self = fs_self_exe(NULL);
    int port_fd = -1;

    memcpy(f->dir, "/tmp/waybill-box-XXXXXX", sizeof("/tmp/waybill-box-XXXXXX"));
    f->box = (struct proc)PROC_INIT;
    buf_init(&f->body, LIMIT_RESPONSE_BODY);
    buf_init(&f->archive, LIMIT_ARCHIVE);
    f->seen = json_array();
    f->settings = json_pack("{s:f,s:{},s:{}}", "pace", 0.002, "switches", "faults");
    if (!mkdtemp(f->dir) || loop_new(&f->loop, NULL) < 0 ||
        http_async_new(f->loop, &f->http, NULL) < 0 ||
        httpd_bind(0, &port_fd, NULL) < 0 ||
        httpd_start(f->loop, port_fd, platform_handle, f, &f->platform, NULL) < 0)
        return -1;
    char *platform = xasprintf("http://127.0.0.1:%d", httpd_port(f->platform));
    char *npx = fs_join(f->dir, "bin/npx");
    char *path = xasprintf("%s/bin:/usr/local/bin:/usr/bin:/bin", f->dir);
    int rc = fs_mkparents(npx, NULL) < 0 || symlink(self, npx) < 0 ? -1 : 0;
    strv_env_set(&f->env, "PATH", path);
    strv_env_set(&f->env, "HOME", f->dir);
    strv_env_set(&f->env, "WAYBILL_BOX_ROOT", f->dir);
    strv_env_set(&f->env, "WORKSPACE_ID", WORKSPACE);
    strv_env_set(&f->env, "PLATFORM_URL", platform);
    strv_env_set(&f->env, "MOLECULE_GITEA_BASE_URL", platform);
    strv_env_set(&f->env, "RUNTIME", "claude-code");
    strv_env_set(&f->env, "MODEL", "moonshot/kimi-k2.6");
    free(path);
    free(npx);
    free(platform);
    free(self);
    *state = f;
    return rc;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    proc_stop(&f->box, 2000);
    proc_release(&f->box);
    httpd_stop(f->platform);
    http_async_free(f->http);
    loop_free(f->loop);
    (void)!fs_rmtree(f->dir, NULL);
    json_decref(f->seen);
    json_decref(f->settings);
    strv_release(&f->env);
    strv_release(&f->headers);
    buf_release(&f->body);
    buf_release(&f->archive);
    free(f->failure);
    free(f);
    return 0;
}

/* ---- a concierge ---- */

/* The archive of a plugin that lies under <dir>/forge/<repo>. */
static void pack(struct fixture *f, const char *repo)
{
    char *dir = fs_join(f->dir, "forge");
    char *const argv[] = {(char[]){"tar"},         (char[]){"-cz"},
                          (char[]){"-C"},          dir,
                          (char *)(uintptr_t)repo, NULL};
    struct proc_result r = {.out = BUF_INIT(0), .err = BUF_INIT(0)};
    struct proc_spec spec = PROC_SPEC_INIT;
    struct err err = ERR_INIT;

    spec.argv = argv;
    spec.env = &f->env;
    if (proc_run(&spec, NULL, 0, 10000, &r, &err) < 0 || r.exit_code != 0)
        fail_msg("cannot pack: %s", err.text);
    buf_reset(&f->archive);
    buf_add(&f->archive, r.out.data, r.out.len);
    proc_result_release(&r);
    free(dir);
}

static void pack_management(struct fixture *f)
{
    put(f, "forge/" MANAGEMENT "/plugin.yaml",
        "name: " MANAGEMENT "\nadaptor: mcp-server\n");
    put(f, "forge/" MANAGEMENT "/rules/tools.md", "Use the management tools.\n");
    put(f, "forge/" MANAGEMENT "/settings-fragment.json",
        "{\"mcpServers\":{\"molecule-platform\":{\"command\":\"npx\","
        "\"args\":[\"-y\",\"@molecule-ai/mcp-server\"],\"env\":{"
        "\"MOLECULE_MCP_MODE\":\"management\","
        "\"MOLECULE_API_URL\":\"${MOLECULE_API_URL}\","
        "\"MOLECULE_ORG_API_KEY\":\"${MOLECULE_ORG_API_KEY}\"}}}}");
    pack(f, MANAGEMENT);
}

UNUSED static void make_concierge(struct fixture *f)
{
    pack_management(f);
    strv_env_set(&f->env, "MOLECULE_DECLARED_PLUGINS", MANAGEMENT_SOURCE);
    strv_env_set(&f->env, "MOLECULE_TEMPLATE_REPO_TOKEN", REPO_TOKEN);
    strv_env_set(&f->env, "MOLECULE_API_URL", strv_env_get(&f->env, "PLATFORM_URL"));
    strv_env_set(&f->env, "MOLECULE_ORG_API_KEY", ORG_KEY);
    strv_env_set(&f->env, "MOLECULE_ORG_ID", "11111111-1111-4111-8111-111111111111");
    put(f, "configs/config.yaml",
        "name: platform-agent\nagent_card:\n  name: Concierge\n");
    put(f, "configs/system-prompt.md",
        "# You are Acme Agent, the concierge of this organisation\n\nYou are the "
        "root.\n");
}

/* Starts it and waits for its first heartbeat, which is not the last one of a box before
 * it: that one may still be on its way, but this box's registration is behind it. */
UNUSED static void start_ready(struct fixture *f)
{
    const char *path = "/registry/register";
    int before = count_seen(f, path);
    start_box(f);
    await_seen(f, path, before + 1);
    (void)await_beat(f, 1);
}

/* ---- the test program as the box's executable ---- */

UNUSED static bool runs_as_box(int argc, char **argv, int *ret_code)
{
    const char *slash = strrchr(argv[0], '/');

    if (strcmp(slash ? slash + 1 : argv[0], "npx") == 0)
        *ret_code = npx_main(argc, argv);
    else if (argc > 1 && strcmp(argv[1], "mcp") == 0)
        *ret_code = mcp_main(argc - 1, argv + 1);
    else if (argc > 1 && strcmp(argv[1], "box") == 0)
        *ret_code = box_main(argc - 1, argv + 1);
    else
        return false;
    return true;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
