#include "cli/options.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/table.h"
#include "io/yaml.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_OPTIONS = 64 };

static void *member(void *arguments, const struct option_row *o)
{
    return (char *)arguments + o->offset;
}

static const struct option_row *find_option(const struct command *c, const char *name,
                                            size_t len)
{
    for (const struct option_row *o = c->options; o && o->name; o++) {
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

static size_t option_names(const struct command *c, const char *names[MAX_OPTIONS])
{
    size_t n = 0;
    for (const struct option_row *o = c->options; o && o->name && n < MAX_OPTIONS; o++) {
        names[n++] = o->name;
    }
    return n;
}

static int unknown_option(const struct command *c, const char *given, size_t len,
                          struct err *err)
{
    const char *names[MAX_OPTIONS];
    char *word CLEANUP(free_ptr) = xstrndup(given, len);
    const char *near = nearest_name(word, names, option_names(c, names));
    return err_set(
        err, ERR_USAGE, "unknown option '--%s'%s%s%s (see 'waybill %s --help')", word,
        near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "", c->name);
}

/* where: "--jobs", "WAYBILL_JOBS" or "waybill.yaml: jobs", for errors. */
static int set_value(const struct option_row *o, void *arguments, const char *where,
                     const char *value, struct err *err)
{
    int64_t number = 0;
    switch (o->type) {
    case OPTION_FLAG:
        if (!strcmp(value, "1") || !strcmp(value, "true") || !strcmp(value, "yes")) {
            *(bool *)member(arguments, o) = true;
        } else if (*value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0 &&
                   strcmp(value, "no") != 0) {
            return err_set(err, ERR_USAGE, "%s takes true or false, not '%s'", where,
                           value);
        }
        return 0;
    case OPTION_TEXT:
        free(*(char **)member(arguments, o));
        *(char **)member(arguments, o) = xstrdup(value);
        return 0;
    case OPTION_COUNT:
        if (!num_parse(value, 0, INT_MAX, &number)) {
            return err_set(err, ERR_USAGE, "%s takes a whole number, not '%s'", where,
                           value);
        }
        *(int *)member(arguments, o) = (int)number;
        return 0;
    case OPTION_LIST:
        strv_add(member(arguments, o), value);
        return 0;
    }
    return err_set(err, ERR_BUG, "option '%s' has no type", o->name);
}

/* One "--name[=value]"; *i moves on when the value is the next argument. */
static int parse_long(const struct command *c, int argc, char **argv, int *i,
                      void *arguments, bool *given, struct err *err)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_row *o = find_option(c, name, len);
    if (!o) {
        return unknown_option(c, name, len, err);
    }
    char *where CLEANUP(free_ptr) = xasprintf("--%s", o->name);
    given[o - c->options] = true;
    if (o->type == OPTION_FLAG) {
        return set_value(o, arguments, where, equals ? equals + 1 : "true", err);
    }
    if (!equals && *i + 1 >= argc) {
        return err_set(err, ERR_USAGE, "--%s needs a value: --%s %s", o->name, o->name,
                       o->value);
    }
    return set_value(o, arguments, where, equals ? equals + 1 : argv[++*i], err);
}

static int parse_letters(const struct command *c, int argc, char **argv, int *i,
                         void *arguments, bool *given, struct err *err)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        const struct option_row *o = c->options;
        while (o && o->name && o->letter != *p) {
            o++;
        }
        if (!o || !o->name) {
            return err_set(err, ERR_USAGE,
                           "unknown option '-%c'; see 'waybill %s --help'", *p, c->name);
        }
        char where[3] = {'-', *p, '\0'};
        given[o - c->options] = true;
        if (o->type == OPTION_FLAG) {
            if (set_value(o, arguments, where, "true", err) < 0) {
                return -1;
            }
            continue;
        }
        if (!p[1] && *i + 1 >= argc) {
            return err_set(err, ERR_USAGE, "-%c needs a value: -%c %s", *p, *p, o->value);
        }
        return set_value(o, arguments, where, p[1] ? p + 1 : argv[++*i], err);
    }
    return 0;
}

static char *environment_name(const char *option)
{
    char *name = xasprintf("WAYBILL_%s", option);
    for (char *p = name; *p; p++) {
        *p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
    }
    return name;
}

/* The nearest waybill.yaml from the current directory upwards; NULL when there is none.
 */
static char *find_config(void)
{
    char *dir CLEANUP(free_ptr) = getcwd(NULL, 0);
    while (dir) {
        char *path CLEANUP(free_ptr) = fs_join(dir, "waybill.yaml");
        if (fs_exists(path)) {
            return TAKE(path);
        }
        char *slash = strrchr(dir, '/');
        if (!slash || !dir[1]) {
            break;
        }
        slash[slash == dir ? 1 : 0] = '\0';
    }
    return NULL;
}

static int set_from_node(const struct option_row *o, void *arguments, const char *file,
                         const struct ynode *node, struct err *err)
{
    char *where CLEANUP(free_ptr) =
        xasprintf("%s:%d:%d: '%s'", file, node->line, node->col, o->name);
    if (node->kind == YNODE_SCALAR) {
        return set_value(o, arguments, where, node->text, err);
    }
    if (node->kind == YNODE_SEQ && o->type == OPTION_LIST) {
        for (size_t i = 0; i < node->n; i++) {
            const struct ynode *item = node->items[i];
            if (item->kind != YNODE_SCALAR ||
                set_value(o, arguments, where, item->text, err) < 0) {
                return err_set(err, ERR_CONFIG, "%s takes a list of texts", where);
            }
        }
        return 0;
    }
    return err_set(err, ERR_CONFIG, "%s takes one value", where);
}

static bool is_option_of_any(const char *name)
{
    for (const struct command *c = commands; c->name; c++) {
        if (find_option(c, name, strlen(name))) {
            return true;
        }
    }
    return false;
}

/* A key that no command knows is a mistake; one of another command is not. */
static int check_keys(const struct command *c, const char *file, const struct ynode *root,
                      struct err *err)
{
    if (root->kind != YNODE_MAP && root->kind != YNODE_NULL) {
        return err_set(err, ERR_CONFIG, "%s:1:1: has to be a mapping of options", file);
    }
    for (size_t i = 0; i < root->n; i++) {
        const struct ypair *pair = &root->pairs[i];
        if (is_option_of_any(pair->key)) {
            continue;
        }
        const char *names[MAX_OPTIONS];
        char *meant CLEANUP(free_ptr) =
            did_you_mean(pair->key, names, option_names(c, names));
        return err_set(err, ERR_CONFIG, "%s:%d:%d: unknown option '%s'%s", file,
                       pair->line, pair->col, pair->key, meant);
    }
    return 0;
}

/* What neither option nor environment gave. */
static int apply_config(const struct command *c, void *arguments, const bool *given,
                        struct err *err)
{
    char *path CLEANUP(free_ptr) = find_config();
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;
    if (!path || !c->options) {
        return 0;
    }
    if (yaml_read_file(path, LIMIT_SCENARIO_FILE, &doc, err) < 0) {
        return -1;
    }
    const struct ynode *root = ydoc_root(doc);
    if (check_keys(c, path, root, err) < 0) {
        return -1;
    }
    for (const struct option_row *o = c->options; o && o->name; o++) {
        const struct ynode *node = ynode_get(root, o->name);
        if (node && !given[o - c->options] &&
            set_from_node(o, arguments, path, node, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int apply_rest(const struct command *c, void *arguments, bool *given,
                      struct err *err)
{
    for (const struct option_row *o = c->options; o && o->name; o++) {
        char *name CLEANUP(free_ptr) = environment_name(o->name);
        const char *value = getenv(name);
        if (value && !given[o - c->options]) {
            given[o - c->options] = true;
            if (set_value(o, arguments, name, value, err) < 0) {
                return -1;
            }
        }
    }
    return apply_config(c, arguments, given, err);
}

static int apply_defaults(const struct command *c, void *arguments, struct err *err)
{
    for (const struct option_row *o = c->options; o && o->name; o++) {
        if (o->fallback && o->type != OPTION_LIST &&
            set_value(o, arguments, o->name, o->fallback, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int options_parse(const struct command *c, int argc, char **argv, void *arguments,
                  struct strv *operands, struct err *err)
{
    bool given[MAX_OPTIONS] = {false};
    if (apply_defaults(c, arguments, err) < 0) {
        return -1;
    }
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i];
        if (only_operands || a[0] != '-' || !a[1]) {
            strv_add(operands, a);
        } else if (!strcmp(a, "--")) {
            only_operands = true;
            if (strstr(c->operands, "-- ")) {
                strv_add(operands, a);
            }
        } else if (!strcmp(a, "--help") || !strcmp(a, "-h")) {
            return 1;
        } else if ((a[1] == '-' ? parse_long : parse_letters)(
                       c, argc, argv, &i, arguments, given, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; c->given && i < MAX_OPTIONS; i++) {
        if (given[i]) {
            strv_add((struct strv *)((char *)arguments + c->given), c->options[i].name);
        }
    }
    if (!c->operands[0] && operands->n > 0) {
        return err_set(err, ERR_USAGE, "'%s' takes no operand, but got '%s'", c->name,
                       operands->v[0]);
    }
    return apply_rest(c, arguments, given, err);
}

void options_release(const struct command *c, void *arguments)
{
    for (const struct option_row *o = c->options; o && o->name; o++) {
        if (o->type == OPTION_TEXT) {
            free_ptr(member(arguments, o));
        } else if (o->type == OPTION_LIST) {
            strv_release(member(arguments, o));
        }
    }
    if (c->given) {
        strv_release((struct strv *)((char *)arguments + c->given));
    }
}
