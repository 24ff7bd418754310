#include "mocks/tenant/plugin_check.h"

#include <ctype.h>
#include <string.h>

#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"

bool plugin_name_ok(const char *name)
{
    if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name))
        return false;
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return len <= 128 && name[len] == '\0';
}

static int add_size(const struct fs_entry *entry, void *arg)
{
    size_t *total = arg;
    *total += (size_t)entry->size;
    return 0;
}

size_t plugin_tree_size(const char *tree)
{
    size_t total = 0;
    (void)fs_walk(tree, LIMIT_DEPTH, add_size, &total, NULL);
    return total;
}

/* False: it is not there or cannot be read. */
static bool digest(const char *tree, const char *rel, char out[65])
{
    CLEANUP(free_ptr) char *path = fs_join(tree, rel);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_ARCHIVE);
    if (!fs_path_is_safe(rel) || fs_read(path, &data, NULL) < 0)
        return false;
    sha256_hex(data.data, data.len, out);
    return true;
}

bool plugin_manifest_ok(const char *tree)
{
    static const char prefix[] = "sha256:";
    CLEANUP(free_ptr) char *path = fs_join(tree, "manifest.json");
    CLEANUP(json_drop) json_t *manifest = NULL;
    if (!fs_exists(path))
        return true;
    if (json_read_file(path, &manifest, NULL) < 0)
        return false;
    const char *rel = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(manifest, "files"), rel, value)
    {
        const char *want = json_is_string(value) ? json_string_value(value) : "";
        char got[65];
        if (strncmp(want, prefix, sizeof(prefix) - 1) == 0)
            want += sizeof(prefix) - 1;
        if (!digest(tree, rel, got) || strcasecmp(got, want) != 0)
            return false;
    }
    return true;
}

char *plugin_sha256_problem(const char *tree, const char *expected)
{
    char got[65];
    if (!expected || !*expected)
        return NULL;
    if (!digest(tree, "plugin.yaml", got))
        return xstrdup("sha256 check failed: plugin.yaml not found in staged plugin");
    return strcasecmp(got, expected) == 0
               ? NULL
               : xasprintf("sha256 mismatch: expected %s, got %s", expected, got);
}

/* Names, and contents but for the texts of skills, as one text. */
struct print {
    const char *tree;
    struct buf text;
};

static int print_entry(const struct fs_entry *entry, void *arg)
{
    struct print *p = arg;
    const char *slash = strrchr(entry->path, '/');
    bool skill = strcmp(slash ? slash + 1 : entry->path, "SKILL.md") == 0;
    char hash[65] = "";
    if (strcmp(entry->path, ".complete") == 0) /* the platform's own mark */
        return 0;
    if (!entry->dir && !skill)
        (void)digest(p->tree, entry->path, hash);
    buf_addf(&p->text, "%s %s\n", entry->path, hash);
    return 0;
}

bool plugin_only_skill_text(const char *before, const char *after)
{
    struct print a = {before, BUF_INIT(MIB(4))}, b = {after, BUF_INIT(MIB(4))};
    (void)fs_walk(before, LIMIT_DEPTH, print_entry, &a, NULL);
    (void)fs_walk(after, LIMIT_DEPTH, print_entry, &b, NULL);
    bool same = a.text.len > 0 && strcmp(a.text.data, b.text.data) == 0;
    buf_release(&a.text);
    buf_release(&b.text);
    return same;
}
