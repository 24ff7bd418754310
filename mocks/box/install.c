/*
 * Boot-install: the plugins that MOLECULE_DECLARED_PLUGINS names are fetched before the
 * runtime starts. One failed source never stops the box.
 *
 * Source: workspace-template-claude-code entrypoint.sh (8d6fc74): curl with three retries
 * and 120 s for each try, the repository token only from MOLECULE_TEMPLATE_REPO_TOKEN.
 */
#include "mocks/box/state.h"

#include "base/fs.h"
#include "io/http.h"
#include "io/loop.h"
#include "mocks/box/source.h"
#include "mocks/forge/unpack.h"

#include <string.h>

/* FETCH_SECONDS is production time, for a forge that hangs; one that answers is given
 * FETCH_LEAST_MS whatever the pace, as a loaded machine is slow too. */
enum { FETCH_RETRIES = 3, FETCH_SECONDS = 120, FETCH_LEAST_MS = 10000 };

struct install {
    struct box *b;
    struct strv sources;
    size_t at; /* the source under way */
    int tries; /* of it that have failed */
    struct boot_source source;
    void (*done)(struct box *b);
};

static void next_source(struct install *in);
static void fetch(void *arg);

static void source_over(struct install *in)
{
    boot_source_release(&in->source);
    in->at++;
    in->tries = 0;
    next_source(in);
}

static void unpack(struct install *in, const struct buf *archive)
{
    const char *text = in->sources.v[in->at];
    char *rel CLEANUP(free_ptr) = xasprintf("plugins/%s", in->source.name);
    char *dir CLEANUP(free_ptr) = box_config_path(in->b, rel);
    const struct unpack_opts opts = {.sub = in->source.sub};
    struct err err = ERR_INIT;
    int rc = unpack_dir(archive->data, archive->len, &opts, dir, &err);

    if (rc == UNPACK_OK)
        box_sayf("[plugins] installed %s <- %s", in->source.name, text);
    else if (rc == UNPACK_NO_SUCH_PATH)
        box_sayf("[plugins] subpath not in archive: %s (%s)", in->source.sub, text);
    else
        box_sayf("[plugins] %s: %s",
                 err.kind == ERR_SYS ? "copy failed" : "fetch/extract failed", text);
    /* Half a plugin would be worse than none. */
    if (rc != UNPACK_OK)
        (void)!fs_rmtree(dir, NULL);
}

/* What curl --retry takes for transient. */
static bool worth_a_retry(const struct http_response *resp)
{
    return !resp || resp->status == 408 || resp->status == 429 || resp->status >= 500;
}

static void fetched(const struct http_response *resp, const struct err *failed, void *arg)
{
    struct install *in = arg;

    (void)failed;
    if (worth_a_retry(resp) && in->tries < FETCH_RETRIES) {
        (void)loop_timer_add(in->b->loop, box_pace_ms(in->b, 1 << in->tries), fetch, in);
        in->tries++;
        return;
    }
    if (resp && resp->status == 200)
        unpack(in, &resp->body);
    else
        box_sayf("[plugins] fetch/extract failed: %s", in->sources.v[in->at]);
    source_over(in);
}

static int64_t fetch_timeout_ms(const struct box *b)
{
    bool hangs = box_switch_is(b, "plugin_fetch", "hang");

    return hangs ? box_pace_ms(b, FETCH_SECONDS)
                 : box_patience_ms(b, FETCH_SECONDS, FETCH_LEAST_MS);
}

static void fetch(void *arg)
{
    struct install *in = arg;
    const struct box *b = in->b;
    const char *base = box_env(b, "MOLECULE_GITEA_BASE_URL");
    const char *token = box_env(b, "MOLECULE_TEMPLATE_REPO_TOKEN");
    char *owner CLEANUP(free_ptr) = http_escape(in->source.owner);
    char *repo CLEANUP(free_ptr) = http_escape(in->source.repo);
    char *ref CLEANUP(free_ptr) = http_escape(in->source.ref);
    char *url CLEANUP(free_ptr) = xasprintf("%s/api/v1/repos/%s/%s/archive/%s.tar.gz",
                                            base ? base : "", owner, repo, ref);
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;

    strv_addf(&req.headers, "User-Agent: waybill-box/%s", b->id);
    if (token && *token && !box_fault_is(b, "boot-install", "unauthenticated"))
        strv_addf(&req.headers, "Authorization: token %s", token);
    /* By these the forge and the journal know for whom it is. */
    strv_addf(&req.headers, "Origin: %s", b->platform_url);
    strv_addf(&req.headers, "User-Agent: waybill-box/%s", b->id);
    req.url = url;
    req.timeout_ms = fetch_timeout_ms(b);
    (void)http_async_start(b->http, &req, fetched, in);
}

static void next_source(struct install *in)
{
    for (; in->at < in->sources.n; in->at++) {
        const char *text = in->sources.v[in->at];
        enum boot_source_result rc = boot_source_parse(text, &in->source);
        if (rc == BOOT_SOURCE_UNSUPPORTED) {
            box_sayf("[plugins] skip unsupported source: %s", text);
        } else if (rc == BOOT_SOURCE_BAD) {
            box_sayf("[plugins] bad source: %s", text);
        } else if (box_fault_is(in->b, "boot-install", "fail-once") &&
                   in->b->boots == 1) {
            box_sayf("[plugins] fetch/extract failed: %s", text);
            boot_source_release(&in->source);
        } else {
            fetch(in);
            return;
        }
    }
    void (*done)(struct box * b) = in->done;
    struct box *b = in->b;
    boot_install_free(b);
    done(b);
}

void boot_install_free(struct box *b)
{
    if (!b->install)
        return;
    strv_release(&b->install->sources);
    boot_source_release(&b->install->source);
    free(b->install);
    b->install = NULL;
}

void boot_install(struct box *b, void (*done)(struct box *b))
{
    const char *declared = box_env(b, "MOLECULE_DECLARED_PLUGINS");
    char *plugins CLEANUP(free_ptr) = box_config_path(b, "plugins");
    bool lost = box_fault_is(b, "restart", "loses-plugin") && b->boots > 1;
    bool off =
        box_switch_is(b, "boot_install", "off") || box_fault_is(b, "boot-install", "off");

    if (lost)
        (void)!fs_rmtree(plugins, NULL);
    if (lost || off || !declared || !*declared) {
        done(b);
        return;
    }
    struct install *in = xcalloc(1, sizeof(*in));
    struct err err = ERR_INIT;
    b->install = in;
    in->b = b;
    in->done = done;
    strv_split(&in->sources, declared, ',');
    if (fs_rmtree(plugins, &err) < 0)
        box_sayf("[plugins] %s", err.text);
    next_source(in);
}
