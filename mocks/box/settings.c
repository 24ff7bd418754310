#include "mocks/box/state.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/num.h"
#include "io/json.h"
#include "mocks/box/adaptors.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PACE 0.002

static char *dup_without_slash(const char *url)
{
    size_t len = strlen(url);

    while (len && url[len - 1] == '/')
        len--;
    return xstrndup(url, len);
}

int box_read_env(struct box *b, struct err *err)
{
    static const char *const NEEDED[] = {"WAYBILL_BOX_ROOT", "WORKSPACE_ID",
                                         "PLATFORM_URL", "MOLECULE_WORKSPACE_URL"};

    for (char **e = environ; *e; e++)
        strv_add(&b->env, *e);
    for (size_t i = 0; i < ARRAY_SIZE(NEEDED); i++) {
        const char *value = box_env(b, NEEDED[i]);
        if (!value || !*value)
            return err_set(err, ERR_CONFIG,
                           "'%s' is not set: a box is started by the "
                           "platform",
                           NEEDED[i]);
    }
    b->root = xstrdup(box_env(b, "WAYBILL_BOX_ROOT"));
    b->configs = fs_join(b->root, "configs");
    b->id = xstrdup(box_env(b, "WORKSPACE_ID"));
    b->platform_url = dup_without_slash(box_env(b, "PLATFORM_URL"));
    b->url = dup_without_slash(box_env(b, "MOLECULE_WORKSPACE_URL"));
    const char *runtime = box_env(b, "RUNTIME");
    b->runtime = xstrdup(runtime && *runtime ? runtime : "claude-code");
    b->self_exe = fs_self_exe(err);
    b->started_ms = clock_mono_ms();
    b->pace = DEFAULT_PACE;
    return b->self_exe ? 0 : -1;
}

void box_read_settings(struct box *b)
{
    char *path CLEANUP(free_ptr) = fs_join(b->root, "settings.json");
    json_t *root CLEANUP(json_drop) = NULL;
    struct err err = ERR_INIT;

    if (json_read_file(path, &root, &err) < 0) {
        log_warn("settings are as before: %s", err.text);
        return;
    }
    json_t *pace = json_object_get(root, "pace");
    if (json_is_number(pace) && json_number_value(pace) > 0)
        b->pace = json_number_value(pace);
    json_decref(b->switches);
    json_decref(b->faults);
    b->switches = json_incref(json_object_get(root, "switches"));
    b->faults = json_incref(json_object_get(root, "faults"));
}

int box_count_boot(struct box *b, struct err *err)
{
    char *path CLEANUP(free_ptr) = fs_join(b->root, ".boots");
    struct buf text CLEANUP(buf_release) = BUF_INIT(64);

    if (fs_read(path, &text, NULL) < 0 ||
        !num_parse(text.data, 0, INT32_MAX - 1, &b->boots))
        b->boots = 0;
    b->boots++;
    buf_reset(&text);
    buf_addf(&text, "%lld", (long long)b->boots);
    return fs_write(path, text.data, text.len, 0600, err);
}

void box_say(const char *line)
{
    (void)fprintf(stdout, "%s\n", line);
    (void)fflush(stdout);
}

void box_sayf(const char *fmt, ...)
{
    struct buf line CLEANUP(buf_release) = BUF_INIT(KIB(8));
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&line, fmt, ap);
    va_end(ap);
    box_say(line.data);
}

const char *box_switch(const struct box *b, const char *name, const char *fallback)
{
    return json_str(b->switches, name, fallback);
}

bool box_switch_is(const struct box *b, const char *name, const char *value)
{
    return strcmp(box_switch(b, name, ""), value) == 0;
}

const char *box_fault(const struct box *b, const char *name)
{
    return json_str(b->faults, name, NULL);
}

bool box_fault_is(const struct box *b, const char *name, const char *mode)
{
    const char *is = box_fault(b, name);

    return is && strcmp(is, mode) == 0;
}

int64_t box_pace_ms(const struct box *b, double seconds)
{
    double ms = ceil(seconds * 1000 * b->pace);

    return ms < 1 ? 1 : (int64_t)ms;
}

int64_t box_patience_ms(const struct box *b, double seconds, int64_t least_ms)
{
    int64_t ms = box_pace_ms(b, seconds);
    int64_t least = (int64_t)((double)least_ms * clock_timeout_mul());

    return ms < least ? least : ms;
}

const char *box_env(const struct box *b, const char *name)
{
    return strv_env_get(&b->env, name);
}

char *box_config_path(const struct box *b, const char *rel)
{
    return fs_join(b->configs, rel);
}

const char *box_expected_server(const struct box *b)
{
    /* The fault is a drift of the plugin alone; the switch is a contract in which every
     * side agrees. */
    if (box_fault(b, "server-name"))
        return MANAGEMENT_SERVER;
    return box_switch(b, "server_name", MANAGEMENT_SERVER);
}

const char *box_fragment_server(const struct box *b)
{
    const char *drifted = box_fault(b, "server-name");

    return drifted ? drifted : box_switch(b, "server_name", MANAGEMENT_SERVER);
}
