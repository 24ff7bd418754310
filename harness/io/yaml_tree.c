/* Reading the tree that yaml.c made: members, and the core schema's values. */
#include "io/yaml.h"

#include "base/num.h"
#include "io/json.h"
#include <string.h>

const struct ypair *ynode_pair(const struct ynode *node, const char *key)
{
    if (!node || node->kind != YNODE_MAP)
        return NULL;
    for (size_t i = 0; i < node->n; i++) {
        if (strcmp(node->pairs[i].key, key) == 0)
            return &node->pairs[i];
    }
    return NULL;
}

struct ynode *ynode_get(const struct ynode *node, const char *key)
{
    const struct ypair *pair = ynode_pair(node, key);

    return pair ? pair->value : NULL;
}

const char *ynode_str(const struct ynode *node, const char *key, const char *fallback)
{
    const struct ynode *value = ynode_get(node, key);

    return value && value->kind == YNODE_SCALAR ? value->text : fallback;
}

/* YAML 1.2.2, 10.3.2: 0o17 and 0x1f. */
static json_t *based_int(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    unsigned base = strncmp(text, "0o", 2) == 0   ? 8
                    : strncmp(text, "0x", 2) == 0 ? 16
                                                  : 0;
    int64_t value = 0;

    if (base == 0 || text[2] == '\0')
        return NULL;
    for (const char *p = text + 2; *p; p++) {
        int lower = *p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p;
        const char *digit = strchr(digits, lower);

        if (!digit || digit - digits >= (int)base || value > INT64_MAX / (int)base - 1)
            return NULL;
        value = value * (int)base + (digit - digits);
    }
    return xcheck(json_integer(value));
}

/* True for what the core schema calls a decimal number. */
static bool is_decimal(const char *text)
{
    size_t whole, fraction = 0;

    text += *text == '-' || *text == '+';
    whole = strspn(text, "0123456789");
    text += whole;
    if (*text == '.') {
        fraction = strspn(text + 1, "0123456789");
        text += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        if (strspn(text, "0123456789") == 0)
            return false;
        text += strspn(text, "0123456789");
    }
    return *text == '\0';
}

static json_t *plain_to_json(const char *text)
{
    static const char *const trues[] = {"true", "True", "TRUE"};
    static const char *const falses[] = {"false", "False", "FALSE"};
    json_t *based = based_int(text);
    int64_t integer;
    double real;

    if (based)
        return based;
    for (size_t i = 0; i < ARRAY_SIZE(trues); i++) {
        if (strcmp(text, trues[i]) == 0)
            return json_true();
        if (strcmp(text, falses[i]) == 0)
            return json_false();
    }
    if (is_decimal(text)) {
        const char *number = text + (*text == '+');

        if (num_parse(number, INT64_MIN, INT64_MAX, &integer))
            return xcheck(json_integer(integer));
        if (num_parse_double(number, &real))
            return xcheck(json_real(real));
    }
    /* Text; also .inf and .nan, which JSON does not have. */
    return json_str_new(text);
}

json_t *ynode_to_json(const struct ynode *node)
{
    json_t *out;

    switch (node->kind) {
    case YNODE_NULL:
        return json_null();
    case YNODE_SCALAR:
        return node->quoted ? json_str_new(node->text) : plain_to_json(node->text);
    case YNODE_SEQ:
        out = xcheck(json_array());
        for (size_t i = 0; i < node->n; i++)
            (void)json_array_append_new(out, ynode_to_json(node->items[i]));
        return out;
    case YNODE_MAP:
        out = xcheck(json_object());
        for (size_t i = 0; i < node->n; i++)
            (void)json_object_set_new(out, node->pairs[i].key,
                                      ynode_to_json(node->pairs[i].value));
        return out;
    }
    return json_null();
}
