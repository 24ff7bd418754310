/* Any text gives a tree with a place for every node, or an error that names its place. */
#include "fuzz/fuzz.h"
#include "io/json.h"
#include "io/yaml.h"

#include <string.h>

static void walk(const struct ynode *node)
{
    ALWAYS(node->line >= 1 && node->col >= 1);
    ALWAYS(node->kind != YNODE_SCALAR || node->text);
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == YNODE_MAP) {
            ALWAYS(node->pairs[i].key && node->pairs[i].line >= 1);
            ALWAYS(ynode_get(node, node->pairs[i].key) == node->pairs[i].value);
            walk(node->pairs[i].value);
        } else {
            ALWAYS(node->kind == YNODE_SEQ);
            walk(node->items[i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;
    struct err err = ERR_INIT;
    if (yaml_parse("input.yaml", (const char *)data, size, &doc, &err) < 0) {
        ALWAYS(err.kind == ERR_CONFIG && !strncmp(err.text, "input.yaml:", 11));
        ALWAYS(!strchr(err.text, '\n'));
        return 0;
    }
    walk(ydoc_root(doc));
    json_t *value CLEANUP(json_drop) = ynode_to_json(ydoc_root(doc));
    ALWAYS(value);
    free(json_text(value, JSON_WIRE));
    return 0;
}
