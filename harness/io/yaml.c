#include "io/yaml.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/utf8.h"
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Aliases can make a small file large: each use of an anchor is a copy here. */
enum { MOST_NODES = 200000 };

struct ydoc {
    char *name;
    struct ynode *root;
};

/* Where the document is being read into a tree. */
struct reader {
    const char *name;
    size_t nodes;
    struct err *err;
};

struct place {
    int line, col;
};

static void ynode_free(struct ynode *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == YNODE_SEQ) {
            ynode_free(node->items[i]);
        } else {
            free(node->pairs[i].key);
            ynode_free(node->pairs[i].value);
        }
    }
    free(node->items);
    free(node->pairs);
    free(node->text);
    free(node);
}

static void ynode_drop(struct ynode **node)
{
    ynode_free(*node);
    *node = NULL;
}

static int fail(const struct reader *r, struct place at, const char *what,
                const char *subject)
{
    if (subject)
        return err_set(r->err, ERR_CONFIG, "%s:%d:%d: %s '%s'", r->name, at.line, at.col,
                       what, subject);
    return err_set(r->err, ERR_CONFIG, "%s:%d:%d: %s", r->name, at.line, at.col, what);
}

/* libfyaml keeps the place of scalars only. */
static struct place scalar_place(struct fy_node *from, struct place fallback)
{
    struct fy_token *token = fy_node_get_scalar_token(from);
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    enum fy_node_style style = fy_node_get_style(from);
    struct place at = fallback;

    if (mark) {
        at.line = mark->line + 1;
        at.col = mark->column + 1;
        /* The mark is that of the content, behind the quote or the star. */
        if (at.col > 1 && (style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED ||
                           style == FYNS_ALIAS))
            at.col--;
    }
    return at;
}

/* The place of what has no key of its own: that of its first scalar. */
static struct place first_place(struct fy_node *from, struct place fallback)
{
    for (int depth = 0; from && depth < LIMIT_DEPTH; depth++) {
        void *cursor = NULL;

        if (fy_node_is_mapping(from)) {
            struct fy_node_pair *pair = fy_node_mapping_iterate(from, &cursor);

            from = pair ? fy_node_pair_key(pair) : NULL;
        } else if (fy_node_is_sequence(from)) {
            from = fy_node_sequence_iterate(from, &cursor);
        } else {
            return scalar_place(from, fallback);
        }
    }
    return fallback;
}

/* Follows an alias to what it stands for; NULL with the error set. */
static struct fy_node *resolve(const struct reader *r, struct fy_node *from,
                               struct place at)
{
    for (int i = 0; i < LIMIT_DEPTH && from && fy_node_is_alias(from); i++) {
        struct fy_node *target = fy_node_resolve_alias(from);

        if (!target) {
            size_t len = 0;
            const char *text = fy_node_get_scalar(from, &len);
            CLEANUP(free_ptr) char *alias = xstrndup(text ? text : "", len);

            (void)fail(r, at, "no anchor for alias", alias);
            return NULL;
        }
        from = target;
    }
    if (!from)
        (void)fail(r, at, "there is nothing here", NULL);
    return from;
}

static bool is_core_tag(const char *tag, size_t len)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    static const char *const known[] = {"str",  "int", "float", "bool",
                                        "null", "map", "seq"};
    size_t head = sizeof(prefix) - 1;

    if (len < head || memcmp(tag, prefix, head) != 0)
        return len == 1 && *tag == '!';
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strlen(known[i]) == len - head &&
            memcmp(tag + head, known[i], len - head) == 0)
            return true;
    }
    return false;
}

/* *ret_string: the tag says that the scalar is text. */
static int read_tag(const struct reader *r, struct fy_node *from, struct place at,
                    bool *ret_string)
{
    size_t len = 0;
    const char *tag = fy_node_get_tag(from, &len);

    *ret_string = false;
    if (!tag || len == 0)
        return 0;
    if (!is_core_tag(tag, len)) {
        CLEANUP(free_ptr) char *text = xstrndup(tag, len);

        return fail(r, at, "unknown tag", text);
    }
    *ret_string = len == 1 || (len > 4 && memcmp(tag + len - 4, ":str", 4) == 0);
    return 0;
}

static bool is_null_text(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; i < ARRAY_SIZE(nulls); i++) {
        if (strcmp(text, nulls[i]) == 0)
            return true;
    }
    return false;
}

/* Text of a scalar; caller frees. NULL with the error set. */
static char *read_text(const struct reader *r, struct fy_node *from, struct place at)
{
    size_t len = 0;
    const char *text = fy_node_get_scalar(from, &len);

    if (text && memchr(text, '\0', len)) {
        (void)fail(r, at, "text must not contain a NUL character", NULL);
        return NULL;
    }
    return text ? xstrndup(text, len) : xstrdup("");
}

static int read_scalar(struct reader *r, struct fy_node *from, struct ynode *node)
{
    struct place at = scalar_place(from, (struct place){node->line, node->col});
    bool string;

    node->line = at.line;
    node->col = at.col;
    if (read_tag(r, from, at, &string) < 0)
        return -1;
    node->text = read_text(r, from, at);
    if (!node->text)
        return -1;
    node->kind = YNODE_SCALAR;
    node->quoted = string || fy_node_get_style(from) != FYNS_PLAIN;
    if (!node->quoted && is_null_text(node->text)) {
        node->kind = YNODE_NULL;
        free(TAKE(node->text));
    }
    return 0;
}

static int read_node(struct reader *r, struct fy_node *from, struct place at, int depth,
                     struct ynode **ret);

static int read_items(struct reader *r, struct fy_node *from, int depth,
                      struct ynode *node)
{
    struct place at = {node->line, node->col};
    void *cursor = NULL;
    struct fy_node *item;
    size_t cap = 0;

    node->kind = YNODE_SEQ;
    while ((item = fy_node_sequence_iterate(from, &cursor))) {
        struct ynode *read = NULL;

        at = first_place(item, at);
        if (read_node(r, item, at, depth + 1, &read) < 0)
            return -1;
        if (node->n == cap) {
            cap = cap ? cap * 2 : 8;
            node->items = xrealloc(node->items, cap * sizeof(struct ynode *));
        }
        node->items[node->n++] = read;
    }
    return 0;
}

static void add_pair(struct ynode *node, size_t *cap, struct ypair pair)
{
    if (node->n == *cap) {
        *cap = *cap ? *cap * 2 : 8;
        node->pairs = xrealloc(node->pairs, *cap * sizeof(*node->pairs));
    }
    node->pairs[node->n++] = pair;
}

/* Adds the pairs of `from`, a mapping or a list of mappings, whose keys are not there. */
static int merge(struct reader *r, struct ynode *node, size_t *cap, struct ynode *from)
{
    struct place at = {from->line, from->col};

    if (from->kind == YNODE_SEQ) {
        for (size_t i = 0; i < from->n; i++) {
            if (from->items[i]->kind != YNODE_MAP)
                return fail(r, at, "a merge key takes mappings", NULL);
            if (merge(r, node, cap, from->items[i]) < 0)
                return -1;
        }
        return 0;
    }
    if (from->kind != YNODE_MAP)
        return fail(r, at, "a merge key takes a mapping", NULL);
    for (size_t i = 0; i < from->n; i++) {
        if (ynode_get(node, from->pairs[i].key))
            continue;
        add_pair(node, cap, from->pairs[i]);
        from->pairs[i].key = NULL;
        from->pairs[i].value = NULL;
    }
    return 0;
}

static int read_pair(struct reader *r, struct fy_node_pair *from, int depth,
                     struct ypair *ret, struct place fallback, bool *ret_merge)
{
    struct fy_node *key = fy_node_pair_key(from);
    struct place at = key ? first_place(key, fallback) : fallback;
    CLEANUP(free_ptr) char *text = NULL;

    key = resolve(r, key, at);
    if (!key)
        return -1;
    if (!fy_node_is_scalar(key))
        return fail(r, at, "a key must be a plain word or a string", NULL);
    text = read_text(r, key, at);
    if (!text)
        return -1;
    *ret_merge = strcmp(text, "<<") == 0 && fy_node_get_style(key) == FYNS_PLAIN;
    if (read_node(r, fy_node_pair_value(from), at, depth + 1, &ret->value) < 0)
        return -1;
    ret->line = at.line;
    ret->col = at.col;
    ret->key = TAKE(text);
    return 0;
}

static int by_key_and_place(const void *a, const void *b)
{
    const struct ypair *x = *(const struct ypair *const *)a;
    const struct ypair *y = *(const struct ypair *const *)b;
    int order = strcmp(x->key, y->key);

    if (order != 0)
        return order;
    return x < y ? -1 : 1;
}

static int refuse_duplicates(const struct reader *r, const struct ynode *node)
{
    const struct ypair **sorted = xcalloc(node->n, sizeof(const struct ypair *));
    const struct ypair *twice = NULL;
    int first = 0;

    for (size_t i = 0; i < node->n; i++)
        sorted[i] = &node->pairs[i];
    if (node->n > 1) /* what is sorted are pointers */
        qsort(sorted, node->n, sizeof(void *), by_key_and_place);
    for (size_t i = 1; i < node->n; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) != 0)
            continue;
        /* The first one in the file, so that the error does not depend on names. */
        if (!twice || sorted[i] < twice) {
            twice = sorted[i];
            first = sorted[i - 1]->line;
        }
    }
    free(sorted);
    if (!twice)
        return 0;
    return err_set(r->err, ERR_CONFIG, "%s:%d:%d: duplicate key '%s', first in line %d",
                   r->name, twice->line, twice->col, twice->key, first);
}

static int read_pairs(struct reader *r, struct fy_node *from, int depth,
                      struct ynode *node)
{
    CLEANUP(ynode_drop) struct ynode *merged = NULL;
    struct place at = {node->line, node->col};
    struct fy_node_pair *next;
    void *cursor = NULL;
    size_t cap = 0;

    node->kind = YNODE_MAP;
    while ((next = fy_node_mapping_iterate(from, &cursor))) {
        struct ypair pair = {.key = NULL};
        bool is_merge = false;

        if (read_pair(r, next, depth, &pair, at, &is_merge) < 0)
            return -1;
        at = (struct place){pair.line, pair.col};
        if (!is_merge) {
            add_pair(node, &cap, pair);
            continue;
        }
        free(pair.key);
        if (merged) {
            ynode_free(pair.value);
            return fail(r, at, "only one merge key is allowed: give it a list", NULL);
        }
        merged = pair.value;
    }
    if (refuse_duplicates(r, node) < 0)
        return -1;
    /* Last, because the mapping's own keys win. */
    return merged ? merge(r, node, &cap, merged) : 0;
}

static int read_node(struct reader *r, struct fy_node *from, struct place at, int depth,
                     struct ynode **ret)
{
    CLEANUP(ynode_drop) struct ynode *node = xcalloc(1, sizeof(*node));
    bool string;

    node->kind = YNODE_NULL;
    node->line = at.line;
    node->col = at.col;
    node->mark = -1;
    if (depth > LIMIT_DEPTH)
        return fail(r, at, "nested too deep, or an alias inside its own anchor", NULL);
    if (++r->nodes > MOST_NODES)
        return fail(r, at, "too many values (aliases count each time)", NULL);
    if (from) {
        from = resolve(r, from, at);
        if (!from || read_tag(r, from, at, &string) < 0)
            return -1;
        if (fy_node_is_mapping(from)) {
            if (read_pairs(r, from, depth, node) < 0)
                return -1;
        } else if (fy_node_is_sequence(from)) {
            if (read_items(r, from, depth, node) < 0)
                return -1;
        } else if (read_scalar(r, from, node) < 0) {
            return -1;
        }
    }
    *ret = TAKE(node);
    return 0;
}

/* "<name>:3:1: error: what" is the first line of a diagnostic; the source that follows
 * is left out. */
struct complaint {
    bool seen;
    struct place at;
    char what[200];
};

/* "<memory-...>:LINE:COL: error: WHAT". Warnings come here too, and the source line that
 * each is about, which may hold anything. */
static void on_diagnostic(struct fy_diag *diag UNUSED, void *user, const char *text,
                          size_t len)
{
    struct complaint *c = user;
    CLEANUP(free_ptr) char *message = xstrndup(text, len);
    char *line = message[0] == '<' ? strstr(message, ">:") : NULL;
    char *col = line ? strchr(line + 2, ':') : NULL;
    char *what = col ? strchr(col + 1, ':') : NULL;
    int64_t value;

    if (c->seen || !what || strncmp(what, ": error: ", 9) != 0)
        return;
    *col++ = '\0';
    *what = '\0';
    what += strlen(": error: ");
    what[strcspn(what, "\n")] = '\0';
    c->seen = true;
    c->at = (struct place){1, 1};
    (void)snprintf(c->what, sizeof(c->what), "%s", what);
    if (num_parse(line + 2, 1, INT32_MAX, &value))
        c->at.line = (int)value;
    if (num_parse(col, 1, INT32_MAX, &value))
        c->at.col = (int)value;
}

static void drop_diag(struct fy_diag **diag)
{
    fy_diag_destroy(*diag);
}

static void drop_parser(struct fy_parser **parser)
{
    fy_parser_destroy(*parser);
}

/* One document; the place of a second one is that of its first scalar. */
static int read_documents(struct reader *r, struct fy_parser *parser,
                          const struct complaint *complaint, struct ynode **ret)
{
    const struct place start = {1, 1};
    struct fy_document *doc = fy_parse_load_document(parser);
    struct place second;
    int rc;

    if (complaint->seen || fy_parser_get_stream_error(parser))
        goto bad;
    rc = read_node(r, doc ? fy_document_root(doc) : NULL,
                   first_place(doc ? fy_document_root(doc) : NULL, start), 0, ret);
    if (doc)
        fy_parse_document_destroy(parser, doc);
    if (rc < 0 || !doc)
        return rc;
    doc = fy_parse_load_document(parser);
    if (complaint->seen || fy_parser_get_stream_error(parser))
        goto bad;
    if (!doc)
        return 0;
    second = first_place(fy_document_root(doc), start);
    fy_parse_document_destroy(parser, doc);
    return fail(r, second, "a file holds one document: remove what follows '---'", NULL);
bad:
    if (doc)
        fy_parse_document_destroy(parser, doc);
    return fail(r, complaint->seen ? complaint->at : start,
                complaint->seen ? complaint->what : "not YAML", NULL);
}

/* libfyaml never comes back from some malformed UTF-8 ("%" and a byte above 0x7f), so
 * such text does not reach it. */
static int refuse_binary(const char *name, const char *text, size_t len, struct err *err)
{
    const char *nul = memchr(text, '\0', len);
    size_t valid = utf8_valid(text, len);
    size_t bad = nul && (size_t)(nul - text) < valid ? (size_t)(nul - text) : valid;
    struct place at = {1, 1};

    if (bad == len)
        return 0;
    for (size_t i = 0; i < bad; i++) {
        at.line += text[i] == '\n';
        at.col = text[i] == '\n' ? 1 : at.col + 1;
    }
    return err_set(err, ERR_CONFIG, "%s:%d:%d: not a text file: it has %s", name, at.line,
                   at.col, text[bad] ? "a byte that is not UTF-8" : "a NUL character");
}

int yaml_parse(const char *name, const char *text, size_t len, struct ydoc **ret,
               struct err *err)
{
    struct complaint complaint = {.seen = false};
    struct fy_diag_cfg quiet;
    CLEANUP(drop_diag) struct fy_diag *diag = NULL;
    CLEANUP(drop_parser) struct fy_parser *parser = NULL;
    CLEANUP(ynode_drop) struct ynode *root = NULL;
    struct fy_parse_cfg cfg = {.flags = FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_JSON_NONE |
                                        FYPCF_DEFAULT_VERSION_1_2};
    struct reader r = {.name = name, .err = err};

    if (refuse_binary(name, text, len, err) < 0)
        return -1;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.output_fn = on_diagnostic;
    quiet.user = &complaint;
    quiet.level = FYET_ERROR;
    quiet.colorize = quiet.show_source = quiet.show_type = quiet.show_module = false;
    quiet.show_position = true;
    diag = xcheck(fy_diag_create(&quiet));
    cfg.diag = diag;
    parser = xcheck(fy_parser_create(&cfg));
    /* Zero bytes would be taken as "up to the NUL". */
    if (len > 0 && fy_parser_set_string(parser, text, len) != 0)
        return err_set(err, ERR_BUG, "%s: libfyaml does not take the text", name);
    if (len == 0) {
        if (read_node(&r, NULL, (struct place){1, 1}, 0, &root) < 0)
            return -1;
    } else if (read_documents(&r, parser, &complaint, &root) < 0) {
        return -1;
    }
    *ret = xcalloc(1, sizeof(**ret));
    (*ret)->name = xstrdup(name);
    (*ret)->root = TAKE(root);
    return 0;
}

int yaml_read_file(const char *path, size_t max, struct ydoc **ret, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(max);

    if (fs_read(path, &text, err) < 0)
        return -1;
    return yaml_parse(path, text.data, text.len, ret, err);
}

void ydoc_free(struct ydoc *doc)
{
    if (!doc)
        return;
    ynode_free(doc->root);
    free(doc->name);
    free(doc);
}

void ydoc_drop(struct ydoc **doc)
{
    ydoc_free(*doc);
    *doc = NULL;
}

struct ynode *ydoc_root(struct ydoc *doc)
{
    return doc->root;
}

const char *ydoc_name(const struct ydoc *doc)
{
    return doc->name;
}
