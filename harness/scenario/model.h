/*
 * A scenario as the loader leaves it: steps, expectations and captures, each with its
 * place in the file. Everything is read-only after loading and owned by the catalogue
 * (scenario/load.h); nodes borrow from the YAML documents that the catalogue keeps.
 *
 * Texts that may hold ${...} stay YAML nodes and are read with vars_json / vars_text
 * (scenario/vars.h) at the moment they are used. jq programs are numbers of the
 * catalogue's expression set (scenario/expr.h); -1 means none.
 *
 * The tables below are the language: which step kinds there are, which keys each takes,
 * and of which type. Loader, linter, explain, the JSON Schema test and the runner's
 * dispatch all read them.
 */
#ifndef SCENARIO_MODEL_H
#define SCENARIO_MODEL_H

#include "base/strv.h"
#include "base/table.h"
#include "io/yaml.h"
#include <stdbool.h>
#include <stdint.h>

enum field_type {
    FIELD_TEXT,  /* scalar; may hold ${...} */
    FIELD_PLAIN, /* scalar without ${...}: ids and names that must be known at load */
    FIELD_BOOL,
    FIELD_INT,
    FIELD_DURATION,
    FIELD_JQ,         /* one program */
    FIELD_REF,        /* name of a binding (org or workspace), or ${...} */
    FIELD_REFS,       /* one or a list of them */
    FIELD_BIND,       /* a new name: letters, digits, '_' and '-' */
    FIELD_TEXTS,      /* list of scalars, or one scalar */
    FIELD_COMMAND,    /* the words of a command, or the only one */
    FIELD_MAP,        /* mapping of name to anything */
    FIELD_ANY,        /* any YAML, interpolated */
    FIELD_FIELDS,     /* mapping with the keys of `fields` */
    FIELD_STEP,       /* one step */
    FIELD_STEPS,      /* list of steps */
    FIELD_EXPECT,     /* mapping, or list of mappings */
    FIELD_CAPTURE,    /* mapping of new name to jq program */
    FIELD_CASES,      /* mapping of parameters, or a list of them (deny) */
    FIELD_ORG_HEADER, /* false, or text */
    FIELD_AS,         /* a name, or {bearer: TEXT} */
};

struct field_row {
    const char *key; /* NULL ends a table */
    enum field_type type;
    bool required;
    const struct field_row *fields; /* FIELD_FIELDS: its keys, else NULL */
    const char *about;              /* one line, for README, schema and explain */
};

enum step_kind {
    STEP_ORG,
    STEP_WORKSPACE,
    STEP_FIND_WORKSPACE,
    STEP_WAIT_ONLINE,
    STEP_RESTART,
    STEP_PAUSE,
    STEP_RESUME,
    STEP_DELETE, /* of a workspace; `delete: /path` is STEP_HTTP */
    STEP_HTTP,
    STEP_MCP,
    STEP_A2A,
    STEP_FILES,
    STEP_PLUGIN,
    STEP_AUDIT,
    STEP_RUN,
    STEP_FAULT,
    STEP_JOURNAL,
    STEP_USE,
    STEP_DENY,
};

struct step_kind_row {
    const char *key;    /* "wait online"; NULL ends the table */
    const char *method; /* STEP_HTTP: "GET"..., else NULL */
    const struct field_row
        *fields;                   /* when the value is (or may be) a mapping: its keys */
    const struct field_row *extra; /* further keys of the step's mapping, or NULL */
    const char *check;             /* a check it records by itself ("online"), or NULL */
    const char *need;              /* need that a target must meet ("box-mcp"), or NULL */
    const char *about;             /* what it does, one line */
    enum step_kind kind;
    enum field_type arg_type; /* of the key's value */
    bool or_scalar;           /* FIELD_FIELDS: a scalar stands for its first key */
    bool mock_only;
};
extern const struct step_kind_row step_kinds[];
extern const struct field_row common_step_fields[]; /* name, id, when, within... */
extern const struct field_row scenario_fields[];    /* the top level of a scenario */
extern const struct field_row group_fields[];       /* the top level of a step group */
extern const struct field_row unchanged_fields[];   /* `expect: {unchanged: ...}` */
extern const struct field_row failure_fields[];     /* `expect_failure` */

enum mcp_op {
    MCP_OP_NONE,
    MCP_OP_INITIALIZE,
    MCP_OP_LIST,
    MCP_OP_CALL,
    MCP_OP_PING,
    MCP_OP_DISCOVER,
    MCP_OP_RAW
};
extern const struct name_row mcp_op_names[]; /* "initialize", "list tools", ... */

enum match_op {
    MATCH_EQUALS,
    MATCH_NOT_EQUALS,
    MATCH_CONTAINS,
    MATCH_NOT_CONTAINS,
    MATCH_MATCHES, /* PCRE2, unanchored, UTF-8 */
    MATCH_NOT_MATCHES,
    MATCH_ONE_OF,
    MATCH_GT,
    MATCH_GTE,
    MATCH_LT,
    MATCH_LTE,
    MATCH_LENGTH,
    MATCH_EXISTS,
};
extern const struct name_row match_op_names[];

struct matcher {
    enum match_op op;
    const struct ynode *value; /* interpolated when it is applied */
    int line, col;
};

enum expect_kind {
    EXPECT_STATUS,
    EXPECT_HEADER,
    EXPECT_JSON,
    EXPECT_BODY,
    EXPECT_BYTES,
    EXPECT_MATCHES,
    EXPECT_IS_ERROR,
    EXPECT_REFUSED_AS,
    EXPECT_RPC_ERROR,
    EXPECT_REPLY,
    EXPECT_TOOK,
    EXPECT_UNCHANGED,
    EXPECT_ABSENT,
    EXPECT_NO_SECRET,
    EXPECT_COUNT,
    EXPECT_CONTRACT,
    EXPECT_MCP_ERROR,
    EXPECT_HTTP_STATUS,
    EXPECT_TOOL,
    EXPECT_TOOLS,
    EXPECT_TOOLS_MATCH,
    EXPECT_FRAMES_VALID,
    EXPECT_ENDED,
    EXPECT_SUCCEEDS, /* not written: the control of a `deny` was not refused */
};
extern const struct name_row expect_names[]; /* keys of `expect` */

/* Reasons of a refusal: the closed list of `refused_as`. Values are bits. */
enum refusal {
    REFUSED_UNKNOWN_TOOL = 1,
    REFUSED_NO_SUCH_SERVER = 2,
    REFUSED_IS_ERROR = 4,
    REFUSED_RPC_ERROR = 8,
    REFUSED_HTTP_401 = 16,
    REFUSED_HTTP_403 = 32,
    REFUSED_HTTP_404 = 64,
    REFUSED_NOT_LISTED = 128,
};
extern const struct name_row refusal_names[];

struct step;
struct exprs;

/* One expectation is one check. */
struct expectation {
    enum expect_kind kind;
    char *name;               /* of the check, unique within the step; may hold ${...} */
    const struct ynode *node; /* its value */
    int line, col;
    char *header;             /* EXPECT_HEADER: the name. EXPECT_SUCCEEDS: for whom */
    int expr;                 /* EXPECT_JSON, EXPECT_UNCHANGED: program, else -1 */
    struct matcher *matchers; /* none = the program must yield true */
    size_t n_matchers;
    struct matcher *message; /* EXPECT_RPC_ERROR, EXPECT_MCP_ERROR: on the message;
                              * matchers: on code */
    size_t n_message;
    struct step *reading;   /* EXPECT_UNCHANGED: the GET to make before and after */
    const json_t *contract; /* EXPECT_CONTRACT: the answer (scenario/answers.h), borrowed
                             * from the catalogue; NULL: it was read without any */
    json_t *surface;        /* EXPECT_TOOLS_MATCH: the file (scenario/surface.h), owned */
};

struct expect_group {
    char *name; /* NULL when the group has none */
    int line;
    struct expectation *items;
    size_t n;
};

struct capture {
    const char *name; /* borrowed from the document */
    int expr;
    int line, col;
};

struct step_list {
    struct step **v;
    size_t n;
};

/* One run of the act of a `deny`. */
struct deny_case {
    const struct ynode *locals; /* parameters, bound while the step runs (vars_push) */
    char *subject;              /* for people: "worker"; its `subject`, else all values */
    struct step *step;          /* the act with this case's expectations and id */
    int line;
};

struct step {
    enum step_kind kind;
    const struct step_kind_row *row;
    const struct ynode *node; /* the whole mapping: ynode_get(node, "in") ... */
    const struct ynode *arg;  /* value of the kind's key */
    const char *file;         /* as the user named it; a group's step has the group's */
    int line, col;
    char *id;   /* path: unique in the scenario, see scenario/README.md */
    char *name; /* `name`, else a short description; may hold ${...}; never NULL */
    int when;   /* program, -1 = always */
    int64_t within_ms, every_ms, stays_ms, timeout_ms; /* production time, -1 = unset */
    bool never;
    int stable_for; /* 0 = unset */
    int retry;
    bool always, soft;
    struct strv terminal, transient; /* empty = unset */
    struct expect_group *expects;
    size_t n_expects;
    struct capture *captures;
    size_t n_captures;
    struct step_list then;

    const struct ynode *where_node; /* STEP_FIND_WORKSPACE */
    int where;                      /* its program, -1 = any row */
    enum mcp_op mcp_op;
    const struct ynode *mcp_arg; /* value of the operation's key */
    struct step_list group;      /* STEP_USE: the group's steps */
    json_t *group_defaults;      /* STEP_USE: parameter defaults, owned */
    const struct ynode *locals;  /* STEP_USE: `with`, or NULL */
    struct deny_case control;    /* STEP_DENY: runs first */
    struct deny_case *refused;   /* STEP_DENY */
    size_t n_refused;
};

struct param {
    const char *name;
    const struct ynode *value; /* default; NULL = has to be given with --set */
    bool secret;
    int line, col;
};

struct scenario {
    char *name;       /* path under the scenarios root without ".yaml" */
    char *short_name; /* the file's `name` */
    char *file;       /* as the user named it */
    char *proves;
    struct strv refs, tags, needs;
    struct strv targets; /* empty = every target */
    int64_t budget_ms;   /* production time, -1 = unset */
    struct param *params;
    size_t n_params;
    struct step_list steps;
    int n_steps; /* nested ones included */
    int line;    /* of `name` */
    /* expect_failure */
    char *failure_ref;          /* NULL = none expected */
    char *failure_until;        /* "2026-12-31" */
    struct strv failure_checks; /* empty = any check */
    int failure_line;
    int *expr_ids; /* programs it uses, see scenario_want */
    size_t n_expr_ids;
    struct exprs *exprs; /* the set that holds them, borrowed */
    struct ydoc *doc;    /* owned */
};

void scenario_free(struct scenario *s);
void step_free(struct step *step);

/* Visits every step, deny cases and groups included, in the order of a run. */
void scenario_each_step(const struct scenario *s, void (*fn)(const struct step *, void *),
                        void *arg);

/* The row of a key; which of the two of `delete` is meant shows its value. NULL: no such
 * step. */
const struct step_kind_row *step_kind_find(const char *key, const struct ynode *value);
/* The row of a key in a table, NULL when it is not there (or fields is NULL). */
const struct field_row *field_find(const struct field_row *fields, const char *key);

/* The value of a step's common or extra key, NULL when absent. */
const struct ynode *step_get(const struct step *step, const char *key);
/* Member of the kind key's mapping; a scalar stands for the first key (`org: acme` is
 * `org: {as: acme}`). */
const struct ynode *step_arg(const struct step *step, const char *key);

#endif
