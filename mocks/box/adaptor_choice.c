/*
 * Which adaptor a plugin takes. The real box imports a Python file; this one reads which
 * class the file gives.
 */
#include "mocks/box/adaptors.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/yaml.h"

#include <string.h>

struct class_row {
    const char *class_name, *word; /* in adapters/RUNTIME.py; in plugin.yaml */
    enum adaptor_kind kind;
};

/* A class of a plugin's own that extends one of these names it too. */
static const struct class_row CLASSES[] = {
    {"MCPServerAdaptor", "mcp-server", ADAPTOR_MCP_SERVER},
    {"AgentskillsAdaptor", "agentskills", ADAPTOR_AGENTSKILLS},
    {"RawDropAdaptor", "raw-drop", ADAPTOR_RAW_DROP},
};

/* claude-code and claude_code are one runtime. */
static char *module_name(const char *runtime)
{
    char *name = xstrdup(runtime);

    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    return name;
}

/* The line without its comment, as far as Python's "#" tells. */
static bool names_class(const char *text, const char *class_name)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        char *line CLEANUP(free_ptr) = xstrndup(text, strcspn(text, "#\n"));
        if (strstr(line, class_name))
            return true;
        text += len + (text[len] == '\n');
    }
    return false;
}

/* -1 = there is no such file. One that names no class we know wires nothing. */
static int kind_of_module(const char *dir, const char *rel)
{
    char *path CLEANUP(free_ptr) = fs_join(dir, rel);
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);

    if (fs_read(path, &text, NULL) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(CLASSES); i++)
        if (names_class(text.data, CLASSES[i].class_name))
            return (int)CLASSES[i].kind;
    return ADAPTOR_RAW_DROP;
}

static bool is_for(const struct ynode *runtimes, const char *module)
{
    if (!runtimes || runtimes->kind != YNODE_SEQ)
        return true;
    for (size_t i = 0; i < runtimes->n; i++) {
        const char *given = runtimes->items[i]->text;
        char *name CLEANUP(free_ptr) = module_name(given ? given : "");
        if (strcmp(name, module) == 0)
            return true;
    }
    return false;
}

/* plugin.yaml's own word, for plugins that come without Python: adaptor, runtimes. */
static enum adaptor_kind kind_of_manifest(const char *dir, const char *module)
{
    char *path CLEANUP(free_ptr) = fs_join(dir, "plugin.yaml");
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;

    if (yaml_read_file(path, LIMIT_FILE, &doc, NULL) < 0)
        return ADAPTOR_RAW_DROP;
    const struct ynode *root = ydoc_root(doc);
    const char *word = ynode_str(root, "adaptor", "");
    for (size_t i = 0; i < ARRAY_SIZE(CLASSES); i++)
        if (strcmp(CLASSES[i].word, word) == 0 &&
            is_for(ynode_get(root, "runtimes"), module))
            return CLASSES[i].kind;
    return ADAPTOR_RAW_DROP;
}

enum adaptor_kind adaptor_of(const struct adaptor_options *opt, const char *name,
                             const char *dir)
{
    char *module CLEANUP(free_ptr) = module_name(opt->runtime);
    char *in_image CLEANUP(free_ptr) = xasprintf("%s/%s.py", name, module);
    char *in_plugin CLEANUP(free_ptr) = xasprintf("adapters/%s.py", module);
    int kind = opt->registry ? kind_of_module(opt->registry, in_image) : -1;

    if (kind < 0)
        kind = kind_of_module(dir, in_plugin);
    return kind < 0 ? kind_of_manifest(dir, module) : (enum adaptor_kind)kind;
}
