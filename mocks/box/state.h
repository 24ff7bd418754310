/*
 * The box's own state, shared by its parts: environment, settings, what it loaded, and
 * who waits for it.
 *
 * One thread, one event loop. Start order: HTTP listens; boot-install;
 * adaptors; server map and children; register; heartbeat once the children are settled.
 */
#ifndef BOX_STATE_H
#define BOX_STATE_H

#include "base/err.h"
#include "base/strv.h"
#include "io/httpd.h"
#include "mocks/box/child.h"
#include "mocks/box/servers.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct http_async;
struct gateway;
struct install;
struct link;
struct tasks;
struct turn;
struct waiter;

struct box {
    struct loop *loop;
    struct http_async *http;
    struct httpd *httpd;

    struct strv env;    /* its whole environment */
    char *root;         /* WAYBILL_BOX_ROOT */
    char *configs;      /* <root>/configs */
    char *id;           /* WORKSPACE_ID */
    char *platform_url; /* PLATFORM_URL, no slash at its end */
    char *url;          /* MOLECULE_WORKSPACE_URL */
    char *runtime;      /* RUNTIME, "claude-code" when it is not set */
    char *self_exe;     /* waybill-mock */
    int64_t boots;      /* starts on this root, this one included */
    int64_t started_ms; /* monotonic */

    double pace;               /* of settings.json, as last read */
    json_t *switches, *faults; /* objects name -> value */

    json_t *config; /* config.yaml; NULL = absent or broken */
    char *prompt;   /* system-prompt.md; NULL = the generic prompt is in force */
    struct server_map map;
    struct child **children; /* as many as map.n, in its order */
    bool mapped;             /* map and children are there */
    json_t *captured;        /* tools at the last turn; NULL = there was none yet */
    struct turn *turns;      /* under way, newest first */
    struct tasks *tasks;     /* NULL until the first message */
    int64_t notices;         /* messages of the platform itself, so far */

    struct install *install; /* boot-install while it runs */
    struct waiter *waiters;
    struct loop_timer *wake_timer;
    struct gateway *gateway;
    struct link *link;
    bool stopping;
    struct loop_timer *stop_timer;
};

/* ---- environment and settings (settings.c) ---- */

/* Reads the environment; ERR_CONFIG names what is missing. */
MUST_CHECK int box_read_env(struct box *b, struct err *err);
/* Reads settings.json again; what cannot be read leaves the last values in force. */
void box_read_settings(struct box *b);
/* Counts this start in <root>/.boots, which survives a new /configs. */
MUST_CHECK int box_count_boot(struct box *b, struct err *err);
void box_say(const char *line); /* one line on the console */
void box_sayf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Value of a switch, borrowed; fallback when it is not given. */
const char *box_switch(const struct box *b, const char *name, const char *fallback);
bool box_switch_is(const struct box *b, const char *name, const char *value);
/* Mode of a fault, borrowed; NULL = off. */
const char *box_fault(const struct box *b, const char *name);
bool box_fault_is(const struct box *b, const char *name, const char *mode);
/* Production seconds as real milliseconds, at least 1. */
int64_t box_pace_ms(const struct box *b, double seconds);
/* The same where it is patience and no clock of the product: a machine that is loaded, or
 * slowed down by a sanitizer (TIMEOUT_MUL), is given at least that much. */
int64_t box_patience_ms(const struct box *b, double seconds, int64_t least_ms);
const char *box_env(const struct box *b, const char *name);  /* NULL = not set */
char *box_config_path(const struct box *b, const char *rel); /* caller frees */

/* The name by which the platform knows the management server. */
const char *box_expected_server(const struct box *b);
/* The name that the plugin's fragment gives it here (fault server-name). */
const char *box_fragment_server(const struct box *b);

/* ---- what is loaded (loaded.c) ---- */

/* Reads config.yaml and the prompt, makes the map, starts the children. */
void box_load(struct box *b);
void box_unload(struct box *b);
/* NULL = no server of that name. */
struct child *box_child(const struct box *b, const char *server);
bool box_settled(const struct box *b); /* mapped, and no child is starting */
/* {"argv":[...],"env":{...}}: how the box starts the server; NULL = no such server, or
 * not yet. Caller owns. */
json_t *box_launch_view(const struct box *b, const char *server);
/* Full ids of the tools of every ready server, in order; caller owns. */
json_t *box_loaded_tools(const struct box *b);
/* What a heartbeat reports; NULL = the field is left out. Caller owns. */
json_t *box_reported_tools(const struct box *b);
/* What the CLI says at the begin of a turn: reports of "turn" are made of it. */
void box_capture_tools(struct box *b);
/* Starts every failed server again that is not built in; false = there is none. */
bool box_relaunch_failed(struct box *b);
/* -1 = the field is left out. */
int box_mcp_server_present(const struct box *b);
/* Caller owns. */
json_t *box_agent_card(const struct box *b);
json_t *box_state_view(const struct box *b);

/* Calls fn once when the server is settled, or nothing of that name is in the map; server
 * NULL = when every one is. Never from within. The handle dies when fn starts. */
typedef void waiter_fn(void *arg);
struct waiter *box_wait(struct box *b, const char *server, waiter_fn *fn, void *arg);
void box_wait_cancel(struct box *b, struct waiter *w); /* takes NULL */

/* ---- boot-install (install.c) ---- */

/* Runs the boot-install; done is called once, perhaps from within. */
void boot_install(struct box *b, void (*done)(struct box *b));
/* Once nothing of it can be called any more (loop and http are gone). */
void boot_install_free(struct box *b);

/* ---- the platform agent's image (image.c); nothing in any other box ---- */

/* Fills in what /configs lacks. */
void image_fill(struct box *b);
/* Puts the management server's entry back when no plugin has left one. */
void image_assert_server(struct box *b);

/* ---- registry (link.c) ---- */

/* Registers, and beats from then on. */
void link_start(struct box *b);
/* Called when every child is settled: the first beat need not wait. */
void link_settled(struct box *b);
void link_free(struct box *b);
bool link_registered(const struct box *b);

/* ---- the process (box.c) ---- */

/* One child has ended or never was: when the box is stopping and this was the last one,
 * the loop ends. */
void box_stopped_one(struct box *b);

/* ---- HTTP (a2a.c, gateway.c, inbox.c) ---- */

void a2a_handle(struct box *b, struct httpd_req *req);
void inbox_ingest(struct box *b, struct httpd_req *req);
void inbox_read(struct box *b, struct httpd_req *req);
/* rest: what follows "/mcp/". */
void gateway_handle(struct box *b, struct httpd_req *req, const char *rest);
/* The last frames that went through it. */
void gateway_frames(struct box *b, struct httpd_req *req);
void gateway_free(struct box *b);

#endif
