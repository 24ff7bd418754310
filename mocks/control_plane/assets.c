#include "mocks/control_plane/assets.h"

#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/forge/unpack.h"

enum { PLUGINS_MAX = 100 };

void assets_release(struct assets *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->v[i].path);
        free(a->v[i].data);
    }
    free(a->v);
    *a = (struct assets){.v = NULL};
}

static struct asset *find(const struct assets *a, const char *path)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i].path, path) == 0)
            return &a->v[i];
    return NULL;
}

const struct asset *assets_find(const struct assets *a, const char *path)
{
    return find(a, path);
}

void assets_add(struct assets *a, const char *path, const void *data, size_t len)
{
    struct asset *asset = find(a, path);
    if (!asset) {
        a->v = xrealloc(a->v, (a->n + 1) * sizeof(*a->v));
        asset = &a->v[a->n++];
        *asset = (struct asset){.path = xstrdup(path)};
    }
    free(asset->data);
    asset->data = xmalloc(len + 1);
    if (len)
        memcpy(asset->data, data, len);
    asset->data[len] = '\0';
    asset->len = len;
}

/* What the channel may carry. */
static bool is_asset(const char *path)
{
    return strcmp(path, "config.yaml") == 0 || strncmp(path, "prompts/", 8) == 0;
}

static int take(const char *path, const void *data, size_t len, void *arg,
                struct err *err)
{
    (void)err;
    assets_add(arg, path, data, len);
    return 0;
}

int assets_unpack(const void *data, size_t len, struct assets *ret, struct err *err)
{
    struct unpack_opts opts = {.max_total = LIMIT_FILE, .want = is_asset};
    struct err why = ERR_INIT;
    int rc = unpack_visit(data, len, &opts, take, ret, &why);
    if (rc == UNPACK_TOO_LARGE)
        return err_set(err, ERR_SHAPE, "template assets exceed %zu bytes", LIMIT_FILE);
    return rc < 0 ? err_set(err, why.kind, "%s", why.text) : 0;
}

int assets_identity(const char *identity, struct template_identity *ret, struct err *err)
{
    static const char want[] = "(want \"<owner>/<repo>@<ref>\")";
    const char *at = strrchr(identity, '@'), *slash = strchr(identity, '/');
    if (!at || at[1] == '\0')
        return err_set(err, ERR_SHAPE, "templateIdentity \"%s\" has no @ref suffix %s",
                       identity, want);
    if (!slash || slash > at || slash == identity || slash + 1 == at ||
        memchr(slash + 1, '/', (size_t)(at - slash - 1)))
        return err_set(err, ERR_SHAPE, "templateIdentity \"%s\" has no owner/repo %s",
                       identity, want);
    *ret = (struct template_identity){
        .owner = xstrndup(identity, (size_t)(slash - identity)),
        .repo = xstrndup(slash + 1, (size_t)(at - slash - 1)),
        .ref = xstrdup(at + 1)};
    return 0;
}

void template_identity_release(struct template_identity *i)
{
    free(i->owner);
    free(i->repo);
    free(i->ref);
    *i = (struct template_identity){.owner = NULL};
}

/* Its config.yaml as a document; NULL when there is none that can be read. */
static struct ydoc *config_of(const struct assets *a)
{
    const struct asset *config = assets_find(a, "config.yaml");
    struct ydoc *doc = NULL;
    if (!config || yaml_parse("config.yaml", config->data, config->len, &doc, NULL) < 0)
        return NULL;
    return doc;
}

static void drop_text(struct strv *list, const char *text)
{
    struct strv kept = STRV_INIT;
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->v[i], text) != 0)
            strv_add(&kept, list->v[i]);
    strv_release(list);
    *list = kept;
}

void assets_plugins(const struct assets *a, struct strv *ret)
{
    CLEANUP(ydoc_drop) struct ydoc *doc = config_of(a);
    const struct ynode *list = doc ? ynode_get(ydoc_root(doc), "plugins") : NULL;
    if (!list || list->kind != YNODE_SEQ)
        return;
    for (size_t i = 0; i < list->n; i++) {
        const char *text = list->items[i]->text;
        if (list->items[i]->kind != YNODE_SCALAR || !text || !*text)
            continue;
        if (*text == '!' || *text == '-')
            drop_text(ret, text + 1);
        else if (ret->n < PLUGINS_MAX && !strv_has(ret, text))
            strv_add(ret, text);
    }
}

static void replace_all(const char *text, const char *what, const char *with,
                        struct buf *out)
{
    for (const char *hit = strstr(text, what); hit; hit = strstr(text, what)) {
        buf_add(out, text, (size_t)(hit - text));
        buf_adds(out, with);
        text = hit + strlen(what);
    }
    buf_adds(out, text);
}

void assets_add_persona(struct assets *a, const char *concierge_name)
{
    CLEANUP(ydoc_drop) struct ydoc *doc = config_of(a);
    const struct ynode *list = doc ? ynode_get(ydoc_root(doc), "prompt_files") : NULL;
    if (!list || list->kind != YNODE_SEQ || !list->n || !list->items[0]->text)
        return;
    const struct asset *prompt = assets_find(a, list->items[0]->text);
    if (!prompt)
        return;
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_FILE);
    replace_all(prompt->data, "{{CONCIERGE_NAME}}", concierge_name, &text);
    assets_add(a, "system-prompt.md", text.data, text.len);
}

int assets_write(const struct workspace *ws, const struct assets *a, struct err *err)
{
    for (size_t i = 0; i < a->n; i++) {
        CLEANUP(free_ptr) char *path = box_path(ws, "/configs", a->v[i].path);
        if (!path)
            return err_set(err, ERR_SHAPE, "unsafe path '%s' in the template",
                           a->v[i].path);
        if (fs_mkparents(path, err) < 0 ||
            fs_write(path, a->v[i].data, a->v[i].len, 0600, err) < 0)
            return -1;
    }
    return 0;
}

void assets_stub(const struct workspace *ws, const char *model, struct buf *out)
{
    buf_addf(out,
             "name: %s\n"
             "runtime: %s\n"
             "a2a:\n"
             "  port: 8000\n"
             "  streaming: true\n"
             "model: '%s'\n"
             "provider: 'platform'\n"
             "runtime_config:\n"
             "  model: '%s'\n"
             "  provider: 'platform'\n",
             ws->id, ws->runtime, model, model);
}

void assets_generated(const struct workspace *ws, const char *model, struct buf *out)
{
    /* A JSON string is a YAML one, whatever is in it. */
    CLEANUP(json_drop) json_t *name_text = json_str_new(ws->name);
    CLEANUP(json_drop) json_t *role_text = json_str_new(ws->role ? ws->role : "");
    CLEANUP(free_ptr) char *name = json_text(name_text, JSON_WIRE);
    CLEANUP(free_ptr) char *role = json_text(role_text, JSON_WIRE);
    buf_addf(out,
             "name: %s\n"
             "description: %s\n"
             "version: 1.0.0\n"
             "tier: %d\n"
             "runtime: %s\n"
             "model: '%s'\n"
             "provider: 'platform'\n"
             "runtime_config:\n"
             "  model: '%s'\n"
             "  provider: 'platform'\n"
             "  timeout: 600\n",
             name, role, ws->tier, ws->runtime, model, model);
}
