#include "mocks/server/state_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "mocks/server/journal.h"

/* "WBLL": tells our file from every other SQLite database. */
enum { APPLICATION_ID = 0x57424c4c, BUSY_TIMEOUT_MS = 5000 };

static const char schema[] =
    "CREATE TABLE row(kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL,"
    " seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(kind, id)) WITHOUT ROWID;"
    "CREATE INDEX row_owner ON row(owner);"
    "CREATE TABLE line(seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL,"
    " body TEXT NOT NULL);"
    "CREATE INDEX line_owner ON line(owner);"
    "CREATE TABLE journal(n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,"
    " duration_ms INTEGER NOT NULL, status INTEGER NOT NULL, method TEXT, host TEXT,"
    " path TEXT, query TEXT, org TEXT, route TEXT, rule TEXT, auth TEXT, caller TEXT,"
    " fault TEXT, decision TEXT);";

#define ENTRY_COLUMNS                                                                    \
    "n, at_ms, duration_ms, status, method, host, path, query, org, route, rule, auth, " \
    "caller, fault, decision"
enum { ENTRY_NUMBERS = 4 }; /* columns before the texts, which are journal_texts */

enum statement {
    BEGIN_WORK,
    COMMIT_WORK,
    PUT_ROW,
    APPEND_LINE,
    FORGET_ROW,
    FORGET_LINES,
    PUT_ENTRY,
    TRIM_ENTRIES,
    ROWS,
    LINES,
    ENTRIES,
    STATEMENTS
};
static const char *const statement_sql[STATEMENTS] = {
    [BEGIN_WORK] = "BEGIN IMMEDIATE",
    [COMMIT_WORK] = "COMMIT",
    [PUT_ROW] = "INSERT INTO row(kind, id, owner, seq, body) VALUES(?,?,?,?,?)"
                " ON CONFLICT DO UPDATE SET owner=excluded.owner, seq=excluded.seq,"
                " body=excluded.body",
    [APPEND_LINE] = "INSERT INTO line(kind, owner, body) VALUES(?,?,?)",
    [FORGET_ROW] = "DELETE FROM row WHERE id=?1 OR owner=?1",
    [FORGET_LINES] = "DELETE FROM line WHERE owner=?",
    [PUT_ENTRY] =
        "INSERT INTO journal(" ENTRY_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [TRIM_ENTRIES] = "DELETE FROM journal WHERE n<?",
    [ROWS] = "SELECT id, owner, seq, body FROM row WHERE kind=? ORDER BY seq, id",
    [LINES] = "SELECT '', owner, seq, body FROM line WHERE kind=? ORDER BY seq",
    [ENTRIES] = "SELECT " ENTRY_COLUMNS " FROM journal ORDER BY n",
};

struct state_store {
    sqlite3 *db;
    char *path;
    int lock;  /* descriptor of the file; -1 = a reader's */
    bool made; /* this opened a new file */
    sqlite3_stmt *statements[STATEMENTS];
};

static int fail(struct state_store *s, enum err_kind kind, const char *what,
                struct err *err)
{
    int code = sqlite3_extended_errcode(s->db);
    err_set(err, kind, "cannot %s state file '%s': %s", what, s->path,
            sqlite3_errmsg(s->db));
    if (err != NULL)
        err->sys = code;
    return -1;
}

static int run_sql(struct state_store *s, const char *sql, const char *what,
                   struct err *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail(s, ERR_CONFIG, what, err);
    return 0;
}

/* ---- opening ---- */

/* The first column of the first row; *ret is untouched when there is none. */
static int read_text(struct state_store *s, const char *sql, char **ret, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(st, 0);
        *ret = xstrdup(text == NULL ? "" : (const char *)text);
    }
    (void)sqlite3_finalize(st);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return 0;
    return rc == SQLITE_NOTADB ? err_set(err, ERR_CONFIG,
                                         "'%s' is no state file of waybill-mock", s->path)
                               : fail(s, ERR_CONFIG, "read", err);
}

static int check_ours(struct state_store *s, struct err *err)
{
    CLEANUP(free_ptr) char *id = NULL;
    CLEANUP(free_ptr) char *version = NULL;
    CLEANUP(free_ptr) char *state = NULL;
    CLEANUP(free_ptr) char *ours = xasprintf("%d", APPLICATION_ID);
    CLEANUP(free_ptr) char *known = xasprintf("%d", STATE_SCHEMA_VERSION);
    if (read_text(s, "PRAGMA application_id", &id, err) < 0 ||
        read_text(s, "PRAGMA user_version", &version, err) < 0)
        return -1;
    if (id == NULL || strcmp(id, ours) != 0)
        return err_set(err, ERR_CONFIG, "'%s' is no state file of waybill-mock", s->path);
    if (version == NULL || strcmp(version, known) != 0)
        return err_set(err, ERR_CONFIG,
                       "state file '%s' has schema version %s, this program writes %s: "
                       "use the program that made it, or another file",
                       s->path, version == NULL ? "?" : version, known);
    if (read_text(s, "PRAGMA quick_check(1)", &state, err) < 0)
        return -1;
    if (state == NULL || strcmp(state, "ok") != 0)
        return err_set(err, ERR_CONFIG, "state file '%s' is damaged: %s", s->path,
                       state == NULL ? "?" : state);
    return 0;
}

static int make_schema(struct state_store *s, struct err *err)
{
    CLEANUP(free_ptr)
    char *sql = xasprintf("BEGIN; %s PRAGMA application_id=%d; PRAGMA user_version=%d; "
                          "COMMIT;",
                          schema, APPLICATION_ID, STATE_SCHEMA_VERSION);
    return run_sql(s, sql, "write", err);
}

static int prepare(struct state_store *s, struct err *err)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &s->statements[i], NULL) != SQLITE_OK)
            return fail(s, ERR_CONFIG, "use", err);
    return 0;
}

/* The lock stays with the descriptor, which nobody inherits. */
static int take_file(struct state_store *s, struct err *err)
{
    struct stat st;
    s->lock = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0 || fstat(s->lock, &st) < 0)
        return err_set(err, ERR_CONFIG, "cannot open state file '%s': %s", s->path,
                       strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "state file '%s' is not a file", s->path);
    if (flock(s->lock, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_CONFIG, "state file '%s' is in use by another platform",
                       s->path);
    s->made = st.st_size == 0;
    if ((st.st_mode & 077) != 0 && fchmod(s->lock, 0600) < 0)
        return err_set(err, ERR_CONFIG, "cannot keep state file '%s' from others: %s",
                       s->path, strerrordesc_np(errno));
    return 0;
}

static int open_locked(struct state_store *s, struct err *err)
{
    if (take_file(s, err) < 0)
        return -1;
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return fail(s, ERR_CONFIG, "open", err);
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    if (!s->made && check_ours(s, err) < 0)
        return -1;
    if (run_sql(s,
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                "PRAGMA wal_autocheckpoint=4000;",
                "write", err) < 0 ||
        (s->made && make_schema(s, err) < 0) || prepare(s, err) < 0)
        return -1;
    /* A file system that is read-only or full is found out now, not at the first write.
     */
    return run_sql(s, "BEGIN IMMEDIATE; PRAGMA user_version; COMMIT;", "write", err);
}

int state_store_open(const char *path, struct state_store **ret, struct err *err)
{
    struct state_store *s = xcalloc(1, sizeof *s);
    s->lock = -1;
    s->path = xstrdup(path);
    if (open_locked(s, err) < 0) {
        state_store_abandon(s);
        return -1;
    }
    *ret = s;
    return 0;
}

void state_store_close(struct state_store *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(s->statements[i]);
    (void)sqlite3_close(s->db);
    if (s->lock >= 0)
        (void)close(s->lock);
    free(s->path);
    free(s);
}

void state_store_abandon(struct state_store *s)
{
    if (s == NULL)
        return;
    CLEANUP(free_ptr) char *path = s->made ? xstrdup(s->path) : NULL;
    state_store_close(s);
    if (path != NULL)
        (void)unlink(path);
}

/* ---- writing ---- */

static int step(struct state_store *s, enum statement which, struct err *err)
{
    sqlite3_stmt *st = s->statements[which];
    int rc = sqlite3_step(st);
    int failed = rc == SQLITE_DONE ? 0 : fail(s, ERR_STORE, "write", err);
    (void)sqlite3_reset(st);
    return failed;
}

static void bind_text(struct state_store *s, enum statement which, int at,
                      const char *text, size_t len)
{
    (void)sqlite3_bind_text(s->statements[which], at, text, (int)len, SQLITE_STATIC);
}

int state_store_begin(struct state_store *s, struct err *err)
{
    return step(s, BEGIN_WORK, err);
}

int state_store_commit(struct state_store *s, struct err *err)
{
    return step(s, COMMIT_WORK, err);
}

void state_store_rollback(struct state_store *s)
{
    if (sqlite3_get_autocommit(s->db) == 0)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int state_store_put(struct state_store *s, const struct state_row *row, struct err *err)
{
    bind_text(s, PUT_ROW, 1, row->kind, strlen(row->kind));
    bind_text(s, PUT_ROW, 2, row->id, strlen(row->id));
    bind_text(s, PUT_ROW, 3, row->owner, strlen(row->owner));
    (void)sqlite3_bind_int64(s->statements[PUT_ROW], 4, row->seq);
    bind_text(s, PUT_ROW, 5, row->body, row->body_len);
    return step(s, PUT_ROW, err);
}

int state_store_append(struct state_store *s, const struct state_row *row,
                       struct err *err)
{
    bind_text(s, APPEND_LINE, 1, row->kind, strlen(row->kind));
    bind_text(s, APPEND_LINE, 2, row->owner, strlen(row->owner));
    bind_text(s, APPEND_LINE, 3, row->body, row->body_len);
    return step(s, APPEND_LINE, err);
}

int state_store_forget(struct state_store *s, const char *id, struct err *err)
{
    bind_text(s, FORGET_ROW, 1, id, strlen(id));
    bind_text(s, FORGET_LINES, 1, id, strlen(id));
    return step(s, FORGET_ROW, err) < 0 || step(s, FORGET_LINES, err) < 0 ? -1 : 0;
}

int state_store_put_entry(struct state_store *s, struct journal_entry *entry,
                          struct err *err)
{
    sqlite3_stmt *st = s->statements[PUT_ENTRY];
    const int64_t numbers[ENTRY_NUMBERS] = {entry->n, entry->at_ms, entry->duration_ms,
                                            entry->status};
    for (int i = 0; i < ENTRY_NUMBERS; i++)
        (void)sqlite3_bind_int64(st, i + 1, numbers[i]);
    for (int i = 0; i < JOURNAL_TEXTS; i++) {
        const char *text = *journal_text_of(entry, (size_t)i);
        bind_text(s, PUT_ENTRY, ENTRY_NUMBERS + 1 + i, text,
                  text == NULL ? 0 : strlen(text));
    }
    return step(s, PUT_ENTRY, err);
}

int state_store_trim_entries(struct state_store *s, int64_t first, struct err *err)
{
    (void)sqlite3_bind_int64(s->statements[TRIM_ENTRIES], 1, first);
    return step(s, TRIM_ENTRIES, err);
}

/* ---- reading ---- */

static const char *column(sqlite3_stmt *st, int i)
{
    return (const char *)sqlite3_column_text(st, i);
}

static int visit(struct state_store *s, enum statement which, const char *kind,
                 state_row_fn *fn, void *arg, struct err *err)
{
    sqlite3_stmt *st = s->statements[which];
    bind_text(s, which, 1, kind, strlen(kind));
    int rc = 0, result = 0;
    while (result == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct state_row row = {.kind = kind,
                                .id = column(st, 0),
                                .owner = column(st, 1),
                                .seq = sqlite3_column_int64(st, 2),
                                .body = column(st, 3),
                                .body_len = (size_t)sqlite3_column_bytes(st, 3)};
        result = fn(&row, arg, err);
    }
    if (result == 0 && rc != SQLITE_DONE)
        result = fail(s, ERR_CONFIG, "read", err);
    (void)sqlite3_reset(st);
    return result;
}

int state_store_rows(struct state_store *s, const char *kind, state_row_fn *fn, void *arg,
                     struct err *err)
{
    return visit(s, ROWS, kind, fn, arg, err);
}

int state_store_lines(struct state_store *s, const char *kind, state_row_fn *fn,
                      void *arg, struct err *err)
{
    return visit(s, LINES, kind, fn, arg, err);
}

int state_store_entries(struct state_store *s, struct journal *j, struct err *err)
{
    sqlite3_stmt *st = s->statements[ENTRIES];
    int rc = 0;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct journal_entry e = {.n = sqlite3_column_int64(st, 0),
                                  .at_ms = sqlite3_column_int64(st, 1),
                                  .duration_ms = sqlite3_column_int64(st, 2),
                                  .status = sqlite3_column_int(st, 3)};
        for (int i = 0; i < JOURNAL_TEXTS; i++)
            *journal_text_of(&e, (size_t)i) = column(st, ENTRY_NUMBERS + i);
        journal_restore(j, &e);
    }
    (void)sqlite3_reset(st);
    return rc == SQLITE_DONE ? 0 : fail(s, ERR_CONFIG, "read", err);
}

int state_store_read_journal(const char *path, struct journal *j, struct err *err)
{
    struct state_store *s = xcalloc(1, sizeof *s);
    s->lock = -1;
    s->path = xstrdup(path);
    int result = -1;
    if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        (void)fail(s, ERR_CONFIG, "open", err);
    } else {
        (void)sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
        if (check_ours(s, err) == 0 && prepare(s, err) == 0)
            result = state_store_entries(s, j, err);
    }
    state_store_close(s);
    return result;
}
