/* Which server waybill mcp speaks with, and what it shows it: the URL or the command, the
 * headers, the token, the variables. */
#include "cli/cmd_mcp.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/num.h"

/* ---- which one ---- */

static size_t scheme_len(const char *s)
{
    return strncasecmp(s, "http://", 7) == 0    ? 7
           : strncasecmp(s, "https://", 8) == 0 ? 8
                                                : 0;
}

/* What is wrong with a URL that begins as one; NULL = nothing that shows. */
static const char *fault_of_url(const char *url)
{
    const char *host = url + scheme_len(url);
    const char *at = memrchr(host, '@', strcspn(host, "/?#"));
    int64_t port = 0;
    for (const unsigned char *p = (const unsigned char *)url; *p; p++)
        if (*p <= ' ' || *p == 0x7f)
            return "it contains a blank";
    host = at ? at + 1 : host;
    const char *end = host + strcspn(host, *host == '[' ? "]/?#" : ":/?#");
    if (end == host)
        return "it names no host";
    if (*host == '[' && *end++ != ']')
        return "its address has no end";
    CLEANUP(free_ptr) char *rest = xstrndup(end, strcspn(end, "/?#"));
    if (*rest && (*rest != ':' || (rest[1] && !num_parse(rest + 1, 1, 65535, &port))))
        return "its port is none of 1 to 65535";
    return NULL;
}

/* Schemes are the same in any case, but not everybody below knows. */
static int take_url(struct mcp_session *s, const char *word, struct err *err)
{
    const char *fault = fault_of_url(word);
    if (fault)
        return err_set(err, ERR_USAGE, "mcp: '%s' is no URL: %s", word, fault);
    s->url = xstrdup(word);
    for (char *p = s->url; *p != ':'; p++)
        *p = (char)tolower((unsigned char)*p);
    return 0;
}

/* "host:80/mcp", "ws://host": a URL but for how it starts. */
static bool is_nearly_url(const char *word)
{
    const char *colon = strchr(word, ':');
    return colon && !memchr(word, '=', (size_t)(colon - word)) &&
           (isdigit((unsigned char)colon[1]) || strncmp(colon, "://", 3) == 0);
}

static int no_server(const struct mcp_session *s, struct err *err)
{
    for (size_t i = 0; i < s->words.n; i++)
        if (is_nearly_url(s->words.v[i]))
            return err_set(err, ERR_USAGE,
                           "mcp: which server? '%s' is no URL: a URL starts with http:// "
                           "or https://",
                           s->words.v[i]);
    return err_set(err, ERR_USAGE,
                   "mcp: which server? end with a URL, or with '-- COMMAND...' "
                   "(see 'waybill mcp --help')");
}

/* ACTION [URL] WORDS... [URL] [-- COMMAND...] */
int mcp_read_operands(struct mcp_session *s, const struct strv *operands, struct err *err)
{
    size_t i = 1;
    for (; i < operands->n && strcmp(operands->v[i], "--") != 0; i++) {
        if (!scheme_len(operands->v[i]) || s->url)
            strv_add(&s->words, operands->v[i]);
        else if (take_url(s, operands->v[i], err))
            return -1;
    }
    for (i++; i < operands->n; i++)
        strv_add(&s->command, operands->v[i]);
    if (s->url && s->command.n)
        return err_set(err, ERR_USAGE, "a URL and a command: which of the two?");
    if (!s->url && (!s->command.n || !*s->command.v[0]))
        return no_server(s, err);
    return 0;
}

/* An option that would change nothing is a mistake of who gives it. */
int mcp_check_reach(const struct mcp_session *s, struct err *err)
{
    static const char *const of_a_url[] = {"header", "bearer-env", "ca-file"};
    if (s->url && strv_has(&s->a->given, "env"))
        return err_set(err, ERR_USAGE, "mcp: --env goes with '-- COMMAND...', not a URL");
    for (size_t i = 0; !s->url && i < ARRAY_SIZE(of_a_url); i++)
        if (strv_has(&s->a->given, of_a_url[i]))
            return err_set(err, ERR_USAGE,
                           "mcp: --%s goes with a URL; a command has --env", of_a_url[i]);
    return 0;
}

/* ---- what it is shown ---- */

static int read_env(struct mcp_session *s, struct err *err)
{
    const struct strv *given = &s->a->env;
    for (char **e = environ; *e; e++)
        strv_add(&s->env, *e);
    for (size_t i = 0; i < given->n; i++) {
        const char *equals = strchr(given->v[i], '=');
        if (!equals || equals == given->v[i])
            return err_set(err, ERR_USAGE, "--env takes NAME=VALUE, not '%s'",
                           given->v[i]);
        CLEANUP(free_ptr)
        char *name = xstrndup(given->v[i], (size_t)(equals - given->v[i]));
        strv_env_set(&s->env, name, equals + 1);
    }
    return 0;
}

static bool is_header(const char *line, const char *name)
{
    size_t n = strlen(name);
    return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

bool mcp_sends_authorization(const struct mcp_session *s)
{
    for (size_t i = 0; i < s->headers.n; i++)
        if (is_header(s->headers.v[i], "Authorization"))
            return true;
    return false;
}

/* What frames a request, and what the protocol says in its headers, is not the user's. */
static bool is_ours(const char *line)
{
    static const char *const ours[] = {
        "Content-Length",       "Transfer-Encoding", "Content-Type", "Accept",
        "MCP-Protocol-Version", "Mcp-Session-Id",    "Mcp-Method",   "Mcp-Name",
    };
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        if (is_header(line, ours[i]))
            return true;
    return false;
}

/* Shows the name only: the value may be a secret. */
static int check_header(const struct mcp_session *s, const char *line, struct err *err)
{
    int word = (int)strcspn(line, ": \t\r\n");
    if (!word || line[word] != ':')
        return err_set(err, ERR_USAGE, "--header takes 'NAME: VALUE', not '%.*s%s'", word,
                       line, line[word] ? " ..." : "");
    for (int i = 0; i < word; i++)
        if (!isalnum((unsigned char)line[i]) && !strchr("!#$%&'*+-.^_`|~", line[i]))
            return err_set(err, ERR_USAGE, "--header: '%.*s' is no name of a header",
                           word, line);
    if (strpbrk(line, "\r\n"))
        return err_set(err, ERR_USAGE,
                       "--header: the value of '%.*s' contains a line break", word, line);
    if (is_ours(line))
        return err_set(err, ERR_USAGE, "--header: '%.*s' is what waybill itself sends",
                       word, line);
    if (s->a->bearer_env && is_header(line, "Authorization"))
        return err_set(
            err, ERR_USAGE,
            "--header gives an Authorization and --bearer-env sends one: which "
            "of the two?");
    return 0;
}

static int read_token(struct mcp_session *s, struct err *err)
{
    const char *name = s->a->bearer_env;
    const char *token = getenv(name); /* NOLINT(concurrency-mt-unsafe) */
    if (!token || !*token)
        return err_set(err, ERR_CONFIG, "--bearer-env: '%s' is not set", name);
    if (strpbrk(token, "\r\n"))
        return err_set(err, ERR_CONFIG,
                       "--bearer-env: the token in '%s' contains a line break", name);
    s->token = xstrdup(token);
    strv_addf(&s->headers, "Authorization: Bearer %s", token);
    return 0;
}

int mcp_read_credentials(struct mcp_session *s, struct err *err)
{
    const struct strv *header = &s->a->header;
    bool secure = s->url && strncmp(s->url, "https:", 6) == 0;
    for (size_t i = 0; i < header->n; i++)
        if (check_header(s, header->v[i], err))
            return -1;
    strv_copy(&s->headers, header);
    if (secure && s->a->ca_file && access(s->a->ca_file, R_OK) < 0)
        return err_set(err, ERR_CONFIG, "--ca-file: cannot read '%s'", s->a->ca_file);
    if (read_env(s, err) || (s->a->bearer_env && read_token(s, err)))
        return -1;
    return 0;
}
