/*
 * What the files of `waybill mcp` share: a connected session and its output.
 */
#ifndef CLI_CMD_MCP_H
#define CLI_CMD_MCP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "mcp/client.h"
#include <stdbool.h>

struct http;

struct mcp_arguments {
    char *revision, *timeout, *bearer_env, *baseline, *match, *args, *input, *color;
    struct strv header, env;
    int count;
    bool json, verbose, cold;
};

struct mcp_session {
    const struct mcp_arguments *a;
    struct strv words;   /* what stands after the action, without the URL */
    struct strv command; /* what stands after "--"; empty = there is a URL */
    char *url;           /* owned; NULL = there is a command */
    struct strv headers, env;
    char *token; /* owned; of --bearer-env, never shown */
    int64_t timeout_ms;
    int64_t handshake_ms;      /* of the last opening, with the start of the command */
    struct http *http;         /* owned */
    struct mcp_client *client; /* owned; NULL = not connected */
    bool colour;
};

/* Connects (again, when cold) and gets to know the server. 0 = it answered, and *ret is
 * its answer; what it refused is in there too. */
MUST_CHECK int mcp_session_open(struct mcp_session *s, const char *revision,
                                struct mcp_answer *ret, struct err *err);
void mcp_session_close(struct mcp_session *s);

/* Results go to stdout without the token. */
void mcp_print(const struct mcp_session *s, const struct buf *text);
void mcp_print_json(const struct mcp_session *s, const json_t *value);
json_t *mcp_sentences(const struct strv *list); /* a new array of texts */
/* Says on stderr what the server refused; the exit code for it. */
int mcp_refused(const struct mcp_session *s, const char *what,
                const struct mcp_answer *a);

/* Reads key=value words and --args as the arguments of a tool; values become what its
 * schema says. schema: NULL = not known. Caller owns *ret. */
MUST_CHECK int mcp_arguments_of(const struct mcp_session *s, const struct strv *words,
                                size_t first, const json_t *schema, json_t **ret,
                                struct err *err);

/* Actions: return an exit code, or negative with *err. The session is connected. */
typedef int mcp_action_fn(struct mcp_session *s, struct err *err);
mcp_action_fn mcp_bench, mcp_inspect;
/* Not connected: the suite says how. */
mcp_action_fn mcp_conformance;

#endif
