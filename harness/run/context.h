/*
 * What one worker process knows while it runs one scenario: variables, secrets, the
 * connection to the supervisor, what it created, and how it stands.
 *
 * One context per process, one thread. Everything that is written leaves through emit_*,
 * which replace secrets first. Steps see the world through struct attempt: one try of one
 * step, as an observation that expectations are matched against (scenario/match.h).
 */
#ifndef RUN_CONTEXT_H
#define RUN_CONTEXT_H

#include "base/ids.h"
#include "io/http.h"
#include "run/ledger.h"
#include "run/redact.h"
#include "run/run.h"
#include "run/sink.h"
#include "run/verdict.h"
#include "scenario/expr.h"
#include "scenario/match.h"
#include "scenario/model.h"
#include "scenario/vars.h"

/* Something that exists outside because of this scenario. */
struct made {
    char *kind, *id; /* "org", slug */
    bool created;    /* the request was answered with yes */
};

struct ctx {
    const struct run_options *opt;
    const struct target *target;
    const struct scenario *scenario; /* NULL in a worker that only tears down */
    const char *name;                /* of the scenario */
    const char *run_id;
    int out_fd;  /* pipe to the supervisor, borrowed */
    int stop_fd; /* readable once the run is asked to stop, -1 = none */
    bool stopping;

    struct vars *vars;
    struct redact secrets;
    const char *learn_as; /* prefix for secrets that answers bring, NULL = none */
    struct http *http;
    struct ledger *ledger;
    struct rng rng;

    const struct step *step; /* the one that runs now, NULL between them */
    int exchanges;           /* number of the last one */
    int checks;
    enum verdict verdict;
    char reason[512];      /* of the first FAIL, or of the first BROKEN */
    int64_t look_until_ms; /* monotonic: no request lasts much past it, 0 = no limit */
    bool ended;            /* a hard failure: only `always` steps run from here on */

    struct made *made;
    size_t n_made;
};

/* run_id: of the whole run, 8 characters; index: of the scenario, for the rng. */
MUST_CHECK int ctx_init(struct ctx *ctx, const struct run_options *opt,
                        const struct scenario *scenario, const char *run_id, int out_fd,
                        struct ledger *ledger, struct err *err);
void ctx_release(struct ctx *ctx);

/* Production milliseconds as milliseconds here. */
int64_t ctx_scaled(const struct ctx *ctx, int64_t production_ms);
/* The same for a wait that ends when something good happens: never below patience. */
int64_t ctx_patient(const struct ctx *ctx, int64_t production_ms);
/* A request's time, cut to what is left of the current wait (at least a second). */
int64_t ctx_limited(const struct ctx *ctx, int64_t timeout_ms);
/* Pauses; true when the run is asked to stop (also noted in ctx->stopping). */
bool ctx_pause(struct ctx *ctx, int64_t ms);
/* Looks without pausing. */
bool ctx_stopping(struct ctx *ctx);

/* A secret: known to redaction and to no_secret. */
void ctx_secret(struct ctx *ctx, const char *name, const char *value);
/* Joins a verdict to the scenario's and keeps the first reason of the worst kind. */
void ctx_verdict(struct ctx *ctx, enum verdict v, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- values of steps ---- */

/* The object that a reference names: new reference. ERR_CONFIG with the place. */
MUST_CHECK int ctx_ref(struct ctx *ctx, const struct step *step, const struct ynode *node,
                       json_t **ret, struct err *err);
/* Organisation of a bound workspace, or the organisation itself: new reference. */
MUST_CHECK int ctx_org_of(struct ctx *ctx, const struct step *step, const json_t *bound,
                          json_t **ret, struct err *err);
/* Text of an optional member; *ret NULL when absent. Caller frees. */
MUST_CHECK int ctx_text(struct ctx *ctx, const struct step *step,
                        const struct ynode *node, char **ret, struct err *err);
/* ERR_CONFIG "file:line:col: text" at a node (NULL: the step). Returns -1. */
int ctx_wrong(const struct step *step, const struct ynode *node, struct err *err,
              const char *fmt, ...) PRINTF_LIKE(4, 5);

/* ---- events ---- */

void emit_step(struct ctx *ctx, const struct step *step);
struct check {
    const char *name;
    enum verdict verdict;
    const char *expected, *actual;
    int line;
    int exchange;
};
void emit_check(struct ctx *ctx, const struct step *step, const struct check *check);
void emit_poll(struct ctx *ctx, const struct step *step, int attempt, bool held,
               int exchange, const char *actual);
void emit_resource(struct ctx *ctx, const char *kind, const char *id, const char *state);
void emit_end(struct ctx *ctx, int64_t duration_ms);

struct exchange {
    const char *protocol; /* "http", "mcp", "a2a", "mock", "command" */
    const char *request;
    const char *request_headers, *request_body; /* NULL = none */
    size_t request_len;
    int status;
    const char *response_headers, *response_body;
    size_t response_len;
    const char *error;
    int64_t duration_ms;
};
/* Cuts bodies to LIMIT_STORED_BODY; returns the exchange's number. */
int emit_exchange(struct ctx *ctx, const struct exchange *x);

/* An MCP frame of an exchange; words as in struct event. */
struct frame {
    const char *direction, *transport;
    const char *revision; /* NULL = not agreed on yet */
    bool raw;             /* a `raw` step wrote it */
    char *findings;       /* NULL = it is valid */
};
void emit_frame(struct ctx *ctx, int exchange, const struct frame *f);

/* ---- attempts ---- */

struct attempt {
    struct observation obs; /* borrows from the members below */
    struct strv headers;
    struct strv findings; /* MCP: see struct observation */
    json_t *answer;
    char *body, *reply, *rpc_message, *tool, *broken, *unfit; /* owned */
    int exchange; /* that shows it, 0 = none */
    bool unsent;  /* no connection was made, so no request was: only with obs.broken */

    /* The check that the step makes by itself ("online"); own_name NULL = none. */
    const char *own_name;
    enum verdict own;
    enum verdict own_late; /* instead of FAIL, when the time ran out */
    bool own_final;        /* it will not change any more: stop polling */
    char *own_expected, *own_actual;

    char *skip; /* the target has no such thing: the step's checks are SKIP */
};
void attempt_init(struct attempt *at);
void attempt_release(struct attempt *at);
void attempt_broken(struct attempt *at, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* own_final is set for FAIL when final. actual: copied. */
void attempt_own(struct attempt *at, const char *name, enum verdict v, bool final,
                 const char *expected, const char *actual);
/* answer: taken. */
void attempt_answer(struct attempt *at, json_t *answer);
/* NULL-terminated copy of the body. */
void attempt_body(struct attempt *at, const char *body, size_t len);

/* ---- HTTP ---- */

struct call {
    const char *protocol; /* of the exchange: "http", "a2a", "mock" */
    const char *method;
    char *url;           /* owned */
    struct strv headers; /* owned */
    char *body;          /* owned, NULL = none */
    size_t body_len;
    int64_t timeout_ms; /* real time, 0 = 30 s x TIMEOUT_MUL */
    int max_redirects;
};
#define CALL_INIT                                                                        \
    {                                                                                    \
        .protocol = "http", .method = "GET", .headers = STRV_INIT                        \
    }
void call_release(struct call *c);

/* Makes the request, records the exchange, learns secrets from the answer, and puts what
 * came (or why nothing did) into *at, which is released first. */
void ctx_call(struct ctx *ctx, const struct call *c, struct attempt *at);

/* Short forms. json: body, taken, NULL = none; path begins with '/'.
 * token NULL: no Authorization. */
void call_tenant(struct call *c, const json_t *org, const char *token, const char *method,
                 const char *path, json_t *json);
void call_cp(struct ctx *ctx, struct call *c, const char *method, const char *path,
             json_t *json);
void call_mock(struct ctx *ctx, struct call *c, const char *method, const char *path,
               json_t *json);
void call_json(struct call *c, json_t *json);
/* Appends "?k=v&..." of an object's scalars. */
void call_query(struct call *c, const json_t *query);
bool status_ok(int status); /* 2xx */

#endif
