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
    char *revision, *timeout, *bearer_env, *ca_file;
    char *baseline, *match, *args, *input, *color;
    struct strv header, env;
    struct strv given; /* names of the options that stood on the command line */
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
    json_t *arguments;         /* owned; of --args, or an empty object */
    json_t *input, *expected;  /* owned; of --input and --match, or NULL */
    struct strv findings;      /* of every connection, each once */
    char *revision;            /* owned; the last that was agreed on, or NULL */
    bool colour;
    bool open; /* the server has answered the handshake with a result */
};

/* Connects (again, when cold) and gets to know the server. 0 = it answered, and *ret is
 * its answer; what it refused is in there too. */
MUST_CHECK int mcp_session_open(struct mcp_session *s, const char *revision,
                                struct mcp_answer *ret, struct err *err);
/* One request of an open session. Who does not answer in time is told with what was
 * asked. */
MUST_CHECK int mcp_session_tools(struct mcp_session *s, struct mcp_answer *ret,
                                 struct err *err);
MUST_CHECK int mcp_session_call(struct mcp_session *s, const char *tool,
                                json_t *arguments, struct mcp_answer *ret,
                                struct err *err);
/* Ends the connection and takes up what it found; drop also frees it, if there is one;
 * forget also closes the sockets that were kept for the next. */
void mcp_session_keep_findings(struct mcp_session *s);
void mcp_session_drop(struct mcp_session *s);
void mcp_session_forget(struct mcp_session *s);

/* Append without the token; the second as one line for people's eyes. */
void mcp_hide_token(const struct mcp_session *s, const char *text, size_t len,
                    struct buf *out);
void mcp_safe_line(const struct mcp_session *s, const char *text, struct buf *out);

/* Results go to stdout without the token, and to a terminal clean, unless styled: then
 * the caller cleans what is not its own. */
void mcp_print(const struct mcp_session *s, const struct buf *text);
void mcp_print_styled(const struct mcp_session *s, const struct buf *text);
void mcp_print_json(const struct mcp_session *s, const json_t *value);
/* One JSON object with what was found in "findings". Takes j. */
void mcp_print_findings_with(struct mcp_session *s, json_t *j);
void mcp_print_answer(struct mcp_session *s, const struct mcp_answer *a);
void mcp_print_broken(struct mcp_session *s, const struct err *err); /* no answer */
void mcp_print_content(const struct mcp_session *s, const json_t *result);
void mcp_print_findings(const struct mcp_session *s); /* on stderr */
/* One line on stderr, whatever the server put into it. */
void mcp_say(const struct mcp_session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
json_t *mcp_sentences(const struct strv *list); /* a new array of texts */
/* Says on stderr what the server refused; the exit code for it. refused also prints it
 * as JSON, if that is wanted. */
int mcp_complain(const struct mcp_session *s, const char *what,
                 const struct mcp_answer *a);
int mcp_refused(struct mcp_session *s, const char *what, const struct mcp_answer *a);
mcp_frame_fn mcp_show_frame;
mcp_stderr_fn mcp_show_stderr;
mcp_notification_fn mcp_show_notification;

/* The URL or the command among the operands, and the words; the options that go with the
 * one or the other; then headers, token and variables. ERR_USAGE, ERR_CONFIG. */
MUST_CHECK int mcp_read_operands(struct mcp_session *s, const struct strv *operands,
                                 struct err *err);
MUST_CHECK int mcp_check_reach(const struct mcp_session *s, struct err *err);
MUST_CHECK int mcp_read_credentials(struct mcp_session *s, struct err *err);
bool mcp_sends_authorization(const struct mcp_session *s);

/* ERR_USAGE for an option that stood on the command line and is not the action's. */
MUST_CHECK int mcp_check_options(const char *action, const struct mcp_arguments *a,
                                 struct err *err);
/* Reads those of --args, --input and --match that are the action's, and looks at the
 * words. ERR_USAGE, ERR_CONFIG. */
MUST_CHECK int mcp_read_inputs(struct mcp_session *s, const char *action,
                               struct err *err);
/* The key=value words and --args, values as the tool's schema in the list says. ERR_USAGE
 * for one that cannot be sent. Caller owns *ret. */
MUST_CHECK int mcp_arguments_of(const struct mcp_session *s,
                                const struct mcp_answer *list, json_t **ret,
                                struct err *err);

/* Actions: return an exit code, or negative with *err. The session is connected. */
typedef int mcp_action_fn(struct mcp_session *s, struct err *err);
mcp_action_fn mcp_list, mcp_bench, mcp_inspect;
/* Not connected: the suite says how. */
mcp_action_fn mcp_conformance;

#endif
