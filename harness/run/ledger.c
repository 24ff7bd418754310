#include "run/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"

void ledger_close(struct ledger *l)
{
    close_fd(&l->fd);
    free(l->run);
    free(l->cp_url);
    l->run = NULL;
    l->cp_url = NULL;
}

int ledger_open(const char *path, const char *run, const char *cp_url, struct ledger *ret,
                struct err *err)
{
    struct ledger l = LEDGER_INIT;
    if (path) {
        if (fs_mkparents(path, err) < 0)
            return -1;
        l.fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (l.fd < 0)
            return err_sys(err, errno, "cannot open the ledger '%s'", path);
    }
    l.run = xstrdup(run);
    l.cp_url = xstrdup(cp_url ? cp_url : "");
    *ret = l;
    return 0;
}

int ledger_note(struct ledger *l, const char *scenario, const char *kind, const char *id,
                const char *state, struct err *err)
{
    if (l->fd < 0)
        return 0;
    char at[32];
    CLEANUP(json_drop)
    json_t *line =
        json_make("{s:s, s:s, s:s?, s:s, s:s, s:s, s:s}", "at",
                  clock_rfc3339(clock_wall_ms(), at), "run", l->run, "scenario", scenario,
                  "kind", kind, "id", id, "state", state, "cp_url", l->cp_url);
    struct buf text = BUF_INIT(LIMIT_LINE);
    json_render(line, JSON_STRUCT, &text);
    buf_addc(&text, '\n');
    ssize_t n = write(l->fd, text.data, text.len);
    int saved = n < 0 ? errno : ENOSPC;
    bool whole = n == (ssize_t)text.len;
    buf_release(&text);
    if (!whole)
        return err_sys(err, saved, "cannot write the ledger");
    if (strcmp(state, "creating") == 0 && fdatasync(l->fd) < 0)
        return err_sys(err, errno, "cannot sync the ledger to disk");
    return 0;
}

static bool still_there(const json_t *line)
{
    const char *state = json_str(line, "state", "");
    return strcmp(state, "creating") == 0 || strcmp(state, "created") == 0 ||
           strcmp(state, "leaked") == 0 || strcmp(state, "kept") == 0;
}

/* The last line of each (kind, id) is kept, in the order of first mention. */
static void fold_line(json_t *last, const char *text, size_t len)
{
    CLEANUP(json_drop) json_t *line = NULL;
    if (len == 0 || json_parse(text, len, &line, NULL) < 0)
        return;
    const char *id = json_str(line, "id", NULL);
    if (!id)
        return;
    CLEANUP(free_ptr) char *key = xasprintf("%s %s", json_str(line, "kind", "?"), id);
    json_object_set(last, key, line);
}

int ledger_pending(const char *path, json_t **ret, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_REPORT);
    if (fs_exists(path) && fs_read(path, &text, err) < 0)
        return -1;
    CLEANUP(json_drop) json_t *last = json_object();
    for (size_t at = 0; at < text.len;) {
        const char *nl = memchr(text.data + at, '\n', text.len - at);
        size_t len = nl ? (size_t)(nl - text.data) - at : text.len - at;
        fold_line(last, text.data + at, len);
        at += len + 1;
    }
    json_t *pending = json_array();
    const char *key = NULL;
    json_t *line = NULL;
    json_object_foreach(last, key, line)
    {
        if (still_there(line))
            json_array_append(pending, line);
    }
    *ret = pending;
    return 0;
}
