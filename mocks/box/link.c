/*
 * The box's side of the registry: register with retries, then heartbeat.
 *
 * Source: molecule_runtime (0.3.46) registry client and heartbeat loop: up to 8 tries on
 * transport errors and 5xx, 1-2-4-8-16-30-30 s apart, any other refusal stops the
 * registration and not the heartbeat; a beat that is answered 401 is sent once more with
 * the token as it is on disk. A card that changes later goes by update-card.
 */
#include "mocks/box/state.h"
#include "mocks/box/turn.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "io/loop.h"

#include <string.h>

enum { CALL_TIMEOUT_MS = 30000, DEFAULT_BEAT_SECONDS = 30, EARLY_BEATS = 3 };

static const int RETRY_SECONDS[] = {1, 2, 4, 8, 16, 30, 30};

struct link {
    struct box *b;
    struct http_call *call; /* under way; NULL = none */
    struct loop_timer *timer;
    size_t failures; /* of this registration */
    bool registered; /* at least once */
    bool over;       /* the registration has ended, one way or the other */
    bool beaten;     /* a first beat was sent */
    bool settled;    /* the first time that every server is settled is over */
    bool again;      /* this beat is the repetition after a 401 */
    json_t *card;    /* as the platform was told */
};

static void register_now(void *arg);
static void beat(void *arg);

bool link_registered(const struct box *b)
{
    return b->link && b->link->registered;
}

/* ---- requests ---- */

static void add_headers(const struct box *b, struct http_request *req)
{
    char *path CLEANUP(free_ptr) = box_config_path(b, ".auth_token");
    struct buf token CLEANUP(buf_release) = BUF_INIT(KIB(4));

    strv_add(&req->headers, "Content-Type: application/json");
    strv_addf(&req->headers, "Origin: %s", b->platform_url);
    strv_addf(&req->headers, "User-Agent: waybill-box/%s", b->id);
    /* Its address tells this box from the one that takes its place after a restart. */
    strv_addf(&req->headers, "X-Waybill-Box: %s", b->url);
    if (fs_read(path, &token, NULL) == 0 && token.len)
        strv_addf(&req->headers, "Authorization: Bearer %.*s",
                  (int)strcspn(token.data, "\r\n"), token.data);
}

/* body: taken. */
static void post(struct link *l, const char *route, json_t *body, http_done_fn *done)
{
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    char *url CLEANUP(free_ptr) = xasprintf("%s%s", l->b->platform_url, route);
    char *text CLEANUP(free_ptr) = json_text(body, JSON_STRUCT);

    json_decref(body);
    add_headers(l->b, &req);
    req.method = "POST";
    req.url = url;
    req.body = text;
    req.body_len = strlen(text);
    req.timeout_ms = CALL_TIMEOUT_MS;
    l->call = http_async_start(l->b->http, &req, done, l);
}

static void add_mcp_fields(const struct box *b, json_t *body)
{
    int present = box_mcp_server_present(b);
    json_t *tools = box_reported_tools(b);

    if (present >= 0)
        (void)json_object_set_new(body, "mcp_server_present", json_boolean(present));
    if (tools)
        (void)json_object_set_new(body, "loaded_mcp_tools", tools);
}

static void keep_secret(const struct box *b, const char *file, const json_t *answer,
                        const char *key)
{
    char *path CLEANUP(free_ptr) = box_config_path(b, file);
    const char *value = json_str(answer, key, NULL);
    struct err err = ERR_INIT;

    if (value && fs_write(path, value, strlen(value), 0600, &err) < 0)
        box_sayf("[registry] %s", err.text);
}

/* ---- heartbeat ---- */

static double beat_seconds(const struct box *b)
{
    json_t *observability = json_object_get(b->config, "observability");
    int64_t own = json_int(observability, "heartbeat_interval_seconds", 0);
    json_t *given = json_object_get(b->switches, "heartbeat_s");
    double seconds = DEFAULT_BEAT_SECONDS;

    if (json_is_number(given))
        seconds = json_number_value(given);
    else if (json_is_string(given) &&
             !num_parse_double(json_string_value(given), &seconds))
        seconds = DEFAULT_BEAT_SECONDS;
    /* A template that only repeats the default leaves the word to the contract. */
    if (own == 0 || own == DEFAULT_BEAT_SECONDS)
        return seconds;
    return own < 5 ? 5 : own > 300 ? 300 : (double)own;
}

static void beat_later(struct link *l, double beats)
{
    loop_timer_cancel(l->timer);
    l->timer = loop_timer_add(l->b->loop, box_pace_ms(l->b, beats * beat_seconds(l->b)),
                              beat, l);
}

/* ---- the agent card ---- */

static void card_answered(const struct http_response *resp, const struct err *failed,
                          void *arg)
{
    struct link *l = arg;

    l->call = NULL;
    if (!resp || resp->status != 200)
        box_sayf("[registry] update-card: %s", resp     ? resp->body.data
                                               : failed ? failed->text
                                                        : "no answer");
    beat_later(l, 1);
}

/* A card that has changed on disk is told once; false = it is as it was. */
static bool tell_card(struct link *l)
{
    json_t *card CLEANUP(json_drop) = box_agent_card(l->b);

    if (!l->registered || json_equal(card, l->card))
        return false;
    json_decref(l->card);
    l->card = json_incref(card);
    post(l, "/registry/update-card",
         json_make("{s:s,s:O}", "workspace_id", l->b->id, "agent_card", card),
         card_answered);
    return true;
}

/* ---- heartbeat ---- */

static void beat_answered(const struct http_response *resp, const struct err *failed,
                          void *arg)
{
    struct link *l = arg;
    json_t *answer CLEANUP(json_drop) = NULL;

    l->call = NULL;
    if (resp && resp->status == 401 && !l->again) {
        l->again = true;
        beat(l);
        return;
    }
    l->again = false;
    if (!resp)
        box_sayf("[heartbeat] %s", failed ? failed->text : "no answer");
    else if (resp->status != 200)
        box_sayf("[heartbeat] answered %d", resp->status);
    else if (json_parse(resp->body.data, resp->body.len, &answer, NULL) == 0)
        keep_secret(l->b, ".platform_inbound_secret", answer, "platform_inbound_secret");
    if (!tell_card(l))
        beat_later(l, 1);
}

/* What the agent says of its own health. */
struct health {
    double error_rate;
    const char *sample_error, *runtime_state;
};

static struct health health_of(const struct box *b)
{
    if (box_fault_is(b, "agent", "wedged"))
        return (struct health){0, "the agent's process does not answer", "wedged"};
    if (box_fault_is(b, "agent", "failing"))
        return (struct health){1, "the last turns ended in errors", NULL};
    return (struct health){0, "", NULL};
}

/* Only what config.yaml says; the platform knows the runtimes' own values. */
static void add_metadata(const struct box *b, json_t *body)
{
    json_t *config = json_object_get(b->config, "runtime_config");
    json_t *idle = json_object_get(config, "idle_timeout_seconds");
    json_t *capabilities = json_object_get(config, "capabilities");
    json_t *metadata = xcheck(json_object());

    if (json_is_object(capabilities))
        (void)json_object_set(metadata, "capabilities", capabilities);
    if (json_is_integer(idle))
        (void)json_object_set(metadata, "idle_timeout_seconds", idle);
    if (json_object_size(metadata))
        (void)json_object_set(body, "runtime_metadata", metadata);
    json_decref(metadata);
}

static json_t *beat_body(const struct box *b)
{
    const struct health health = health_of(b);
    char *title CLEANUP(free_ptr) = turns_title(b);
    json_t *body =
        json_make("{s:s,s:f,s:s,s:I,s:s,s:I}", "workspace_id", b->id, "error_rate",
                  health.error_rate, "sample_error", health.sample_error, "active_tasks",
                  (json_int_t)turns_count(b), "current_task", title, "uptime_seconds",
                  (json_int_t)((clock_mono_ms() - b->started_ms) / 1000));

    add_mcp_fields(b, body);
    if (health.runtime_state)
        (void)json_object_set_new(body, "runtime_state",
                                  xcheck(json_string(health.runtime_state)));
    add_metadata(b, body);
    return body;
}

static void beat(void *arg)
{
    struct link *l = arg;

    l->timer = NULL;
    l->beaten = true;
    box_read_settings(l->b);
    post(l, "/registry/heartbeat", beat_body(l->b), beat_answered);
}

/* Registration is over: beat at once when the tools are known. A server that takes long
 * must not let the workspace look dead, so a beat comes anyway after a while. */
static void begin_beats(struct link *l)
{
    l->over = true;
    /* With the fault npx the platform's grace is what is asked about: it runs from here.
     */
    if (l->beaten || box_settled(l->b) || box_fault(l->b, "npx"))
        beat(l);
    else
        beat_later(l, EARLY_BEATS);
}

void link_settled(struct box *b)
{
    struct link *l = b->link;

    if (!l || l->settled)
        return;
    l->settled = true;
    /* A registration or a beat under way is followed by the next beat anyway. */
    if (!l->over || l->call)
        return;
    loop_timer_cancel(l->timer);
    beat(l);
}

/* ---- register ---- */

static void registered(struct link *l, const struct http_response *resp)
{
    json_t *answer CLEANUP(json_drop) = NULL;

    l->registered = true;
    (void)!json_parse(resp->body.data, resp->body.len, &answer, NULL);
    keep_secret(l->b, ".auth_token", answer, "auth_token");
    keep_secret(l->b, ".platform_inbound_secret", answer, "platform_inbound_secret");
    box_say("[registry] registered");
    begin_beats(l);
}

static void register_answered(const struct http_response *resp, const struct err *failed,
                              void *arg)
{
    struct link *l = arg;

    l->call = NULL;
    if (resp && resp->status == 200) {
        registered(l, resp);
        return;
    }
    if (resp)
        box_sayf("[registry] register answered %d: %.*s", resp->status, (int)KIB(1),
                 resp->body.data);
    else
        box_sayf("[registry] register: %s", failed ? failed->text : "no answer");
    if ((!resp || resp->status >= 500) && l->failures < ARRAY_SIZE(RETRY_SECONDS)) {
        double seconds = RETRY_SECONDS[l->failures++];
        l->timer =
            loop_timer_add(l->b->loop, box_pace_ms(l->b, seconds), register_now, l);
        return;
    }
    /* Refused for good: the heartbeat goes on, at its own rhythm. */
    l->over = true;
    beat_later(l, 1);
}

static void register_now(void *arg)
{
    struct link *l = arg;
    struct box *b = l->b;

    l->timer = NULL;
    json_decref(l->card);
    l->card = box_agent_card(b);
    json_t *body =
        json_make("{s:s,s:s,s:O}", "id", b->id, "url", b->url, "agent_card", l->card);
    add_mcp_fields(b, body);
    post(l, "/registry/register", body, register_answered);
}

void link_start(struct box *b)
{
    struct link *l = xcalloc(1, sizeof(*l));

    l->b = b;
    b->link = l;
    register_now(l);
}

void link_free(struct box *b)
{
    if (!b->link)
        return;
    loop_timer_cancel(b->link->timer);
    if (b->link->call)
        http_call_cancel(b->link->call);
    json_decref(b->link->card);
    free(b->link);
    b->link = NULL;
}
