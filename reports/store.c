#include "reports/store.h"

#include "base/buf.h"
#include "base/embed.h"
#include "base/fs.h"
#include "base/limits.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

EMBED(schema_sql, "reports/schema.sql");
EMBED(schema_2_sql, "reports/schema_2.sql");

/* How long another process may hold the write lock before that is an error. */
enum { BUSY_TIMEOUT_MS = 10000 };

enum statement {
    INSERT_RUN,
    END_RUN,
    INSERT_SCENARIO,
    END_SCENARIO,
    INSERT_EXCHANGE,
    INSERT_FRAME,
    INSERT_CHECK,
    INSERT_POLL,
    INSERT_RESOURCE,
    N_STATEMENTS
};

static const char *const statement_sql[N_STATEMENTS] = {
    [INSERT_RUN] = "INSERT INTO run(started_ms,target,contract,seed,version,command_line,"
                   "planned) VALUES(?,?,?,?,?,?,?)",
    [END_RUN] = "UPDATE run SET wall_ms=?,exit_code=?,leaked=? WHERE id=?",
    [INSERT_SCENARIO] = "INSERT INTO scenario(run,name,file,proves,tags,started_ms)"
                        " VALUES(?,?,?,?,?,?)",
    [END_SCENARIO] = "UPDATE scenario SET verdict=?,reason=?,duration_ms=?"
                     " WHERE run=? AND name=?",
    [INSERT_EXCHANGE] =
        "INSERT INTO exchange(scenario,number,at_ms,step,protocol,request,"
        "request_headers,request_body,status,response_headers,response_body,error,"
        "duration_ms) VALUES((SELECT id FROM scenario WHERE run=? AND name=?),"
        "?,?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_CHECK] =
        "INSERT INTO check_(scenario,at_ms,step,step_name,name,verdict,expected,actual,"
        "file,line,exchange) SELECT s.id,?3,?4,?5,?6,?7,?8,?9,COALESCE(?12,s.file),?10,"
        "(SELECT e.id FROM exchange e WHERE e.scenario=s.id AND e.number=?11)"
        " FROM scenario s WHERE s.run=?1 AND s.name=?2",
    [INSERT_FRAME] =
        "INSERT INTO frame(exchange,direction,transport,revision,findings,valid,raw)"
        " SELECT e.id,?4,?5,?6,?7,?8,?9 FROM exchange e JOIN scenario s ON "
        "s.id=e.scenario"
        " WHERE s.run=?1 AND s.name=?2 AND e.number=?3",
    [INSERT_POLL] = "INSERT INTO poll(scenario,at_ms,step,attempt,held,actual) VALUES("
                    "(SELECT id FROM scenario WHERE run=? AND name=?),?,?,?,?,?)",
    [INSERT_RESOURCE] = "INSERT INTO resource(scenario,at_ms,kind,name,state) VALUES("
                        "(SELECT id FROM scenario WHERE run=? AND name=?),?,?,?,?)",
};

struct store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[N_STATEMENTS];
    int64_t run; /* of the sink, 0 = none yet */
    bool has_frames;
};

struct store_sink {
    struct sink sink; /* first: the runner hands it back */
    struct store *store;
};

static int store_fail(struct store *s, const char *what, struct err *err)
{
    err_set(err, ERR_STORE, "cannot %s '%s': %s", what, s->path, sqlite3_errmsg(s->db));
    if (err) {
        err->sys = sqlite3_extended_errcode(s->db);
    }
    return -1;
}

static int exec_sql(struct store *s, const char *sql, const char *what, struct err *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return store_fail(s, what, err);
    }
    return 0;
}

static int read_int(struct store *s, const char *sql, int64_t *ret)
{
    sqlite3_stmt *st = NULL;
    int status = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (status == SQLITE_OK && (status = sqlite3_step(st)) == SQLITE_ROW) {
        *ret = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return status == SQLITE_ROW ? 0 : -1;
}

/* A database of an older version gets what it lacks, but not from a reader. */
static int upgrade(struct store *s, enum store_mode mode, struct err *err)
{
    if (mode == STORE_READ) {
        s->has_frames = false;
        return 0;
    }
    return exec_sql(s, "BEGIN IMMEDIATE", "lock", err) < 0 ||
                   exec_sql(s, schema_2_sql_start, "upgrade", err) < 0 ||
                   exec_sql(s, "PRAGMA user_version=2; COMMIT", "upgrade", err) < 0
               ? -1
               : 0;
}

static int check_schema(struct store *s, enum store_mode mode, struct err *err)
{
    int64_t version = 0;
    int64_t tables = 0;
    if (read_int(s, "PRAGMA user_version", &version) < 0 ||
        read_int(s, "SELECT count(*) FROM sqlite_master", &tables) < 0) {
        return err_set(err, ERR_CONFIG, "cannot read '%s' as a database: %s", s->path,
                       sqlite3_errmsg(s->db));
    }
    if (version > STORE_SCHEMA_VERSION) {
        return err_set(err, ERR_CONFIG,
                       "'%s' was written by a newer waybill (schema %lld, this one knows "
                       "%d): update waybill, or name another file with --db",
                       s->path, (long long)version, STORE_SCHEMA_VERSION);
    }
    if (version == STORE_SCHEMA_VERSION) {
        return 0;
    }
    if (version > 0) {
        return upgrade(s, mode, err);
    }
    if (tables > 0 || mode == STORE_READ) {
        return err_set(err, ERR_CONFIG,
                       "'%s' is not a result database of waybill: name another file",
                       s->path);
    }
    return exec_sql(s, "BEGIN IMMEDIATE", "lock", err) < 0 ||
                   exec_sql(s, schema_sql_start, "create the tables of", err) < 0 ||
                   exec_sql(s, schema_2_sql_start, "create the tables of", err) < 0 ||
                   exec_sql(s, "PRAGMA user_version=2; COMMIT", "create", err) < 0
               ? -1
               : 0;
}

/* A file in WAL mode cannot be read where neither it nor its folder may be written: the
 * reader has no place for its index. Where no WAL is left either, nobody is writing it,
 * and it can be read as it is. */
static int reopen_as_it_is(struct store *s)
{
    struct stat wal;
    char *wal_path CLEANUP(free_ptr) = xasprintf("%s-wal", s->path);
    if (stat(wal_path, &wal) == 0 && wal.st_size > 0) {
        return -1;
    }
    struct buf uri CLEANUP(buf_release) = BUF_INIT(KIB(64));
    buf_adds(&uri, "file:");
    for (const char *p = s->path; *p; p++) {
        buf_addf(&uri, strchr("?#%", *p) ? "%%%02X" : "%c", (unsigned char)*p);
    }
    buf_adds(&uri, "?immutable=1");
    sqlite3_close(s->db);
    s->db = NULL;
    return sqlite3_open_v2(uri.data, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                           NULL) == SQLITE_OK
               ? 0
               : -1;
}

static int open_file(struct store *s, enum store_mode mode, struct err *err)
{
    /* A reader opens read-write too, where it may: a WAL left by a killed writer has to
     * be taken over before it can be read. */
    int flags = SQLITE_OPEN_READWRITE | (mode == STORE_WRITE ? SQLITE_OPEN_CREATE : 0);
    int64_t version = 0;
    bool opened = sqlite3_open_v2(s->path, &s->db, flags, NULL) == SQLITE_OK;
    if (opened && read_int(s, "PRAGMA user_version", &version) < 0 &&
        (sqlite3_errcode(s->db) & 0xff) == SQLITE_READONLY) {
        opened = mode == STORE_READ && reopen_as_it_is(s) == 0;
    }
    if (!opened || (mode == STORE_WRITE && sqlite3_db_readonly(s->db, "main") == 1)) {
        return err_set(err, ERR_CONFIG, "cannot open database '%s': %s", s->path,
                       opened ? "it may not be written" : sqlite3_errmsg(s->db));
    }
    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    sqlite3_extended_result_codes(s->db, 1);
    return 0;
}

int store_open(const char *path, enum store_mode mode, struct store **ret,
               struct err *err)
{
    if (mode == STORE_READ && !fs_exists(path)) {
        return err_set(err, ERR_CONFIG,
                       "no result database at '%s': run `waybill run` first, or name one "
                       "with --db",
                       path);
    }
    struct store *s CLEANUP(store_drop) = xcalloc(1, sizeof(*s));
    s->path = xstrdup(path);
    s->has_frames = true;
    if (open_file(s, mode, err) < 0 || check_schema(s, mode, err) < 0) {
        return -1;
    }
    if (mode == STORE_READ) {
        *ret = TAKE(s);
        return 0;
    }
    /* synchronous=NORMAL: a WAL commit survives the death of every process; only the
     * loss of power may take the last second. */
    if (exec_sql(s,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                 "PRAGMA foreign_keys=ON",
                 "set up", err) < 0) {
        return -1;
    }
    *ret = TAKE(s);
    return 0;
}

bool store_has_frames(const struct store *s)
{
    return s->has_frames;
}

void store_close(struct store *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        sqlite3_finalize(s->statements[i]);
    }
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

void store_drop(struct store **s)
{
    store_close(*s);
    *s = NULL;
}

static sqlite3_stmt *prepared(struct store *s, enum statement which)
{
    if (!s->statements[which] &&
        sqlite3_prepare_v3(s->db, statement_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                           &s->statements[which], NULL) != SQLITE_OK) {
        return NULL;
    }
    return s->statements[which];
}

/* Parameters after the statement, by a format as in printf: i = int64_t, s = text (NULL
 * stays NULL). */
static int insert(struct store *s, enum statement which, struct err *err,
                  const char *format, ...)
{
    sqlite3_stmt *st = prepared(s, which);
    if (!st) {
        return store_fail(s, "write to", err);
    }
    va_list ap;
    va_start(ap, format);
    for (int i = 0; format[i]; i++) {
        if (format[i] == 'i') {
            sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
        } else {
            sqlite3_bind_text(st, i + 1, va_arg(ap, const char *), -1, SQLITE_STATIC);
        }
    }
    va_end(ap);
    int status = sqlite3_step(st);
    int result = status == SQLITE_DONE ? 0 : store_fail(s, "write to", err);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return result;
}

static const char *text_or_empty(const char *s)
{
    return s ? s : "";
}

static int write_run_begin(struct store *s, const struct event *ev, struct err *err)
{
    if (insert(s, INSERT_RUN, err, "isssssi", ev->at_ms, text_or_empty(ev->target),
               text_or_empty(ev->contract), text_or_empty(ev->seed),
               text_or_empty(ev->version), text_or_empty(ev->command_line),
               (int64_t)ev->scenarios) < 0) {
        return -1;
    }
    s->run = sqlite3_last_insert_rowid(s->db);
    return 0;
}

static int write_exchange(struct store *s, const struct event *ev, struct err *err)
{
    return insert(s, INSERT_EXCHANGE, err, "isiisssssisssi", s->run, ev->scenario,
                  (int64_t)ev->number, ev->at_ms, ev->step, text_or_empty(ev->protocol),
                  text_or_empty(ev->request), ev->request_headers, ev->request_body,
                  (int64_t)ev->status, ev->response_headers, ev->response_body, ev->error,
                  ev->duration_ms);
}

static int write_event(struct store *s, const struct event *ev, struct err *err)
{
    switch (ev->kind) {
    case EV_RUN_BEGIN:
        return write_run_begin(s, ev, err);
    case EV_SCENARIO_BEGIN:
        return insert(s, INSERT_SCENARIO, err, "issssi", s->run, ev->scenario,
                      text_or_empty(ev->file), text_or_empty(ev->proves),
                      text_or_empty(ev->tags), ev->at_ms);
    case EV_STEP:
        return 0;
    case EV_CHECK:
        return insert(s, INSERT_CHECK, err, "isissssssiis", s->run, ev->scenario,
                      ev->at_ms, text_or_empty(ev->step), ev->step_name,
                      text_or_empty(ev->name),
                      table_name(verdict_names, (int)ev->verdict), ev->expected,
                      ev->actual, (int64_t)ev->line, (int64_t)ev->exchange, ev->file);
    case EV_EXCHANGE:
        return write_exchange(s, ev, err);
    case EV_FRAME:
        return insert(s, INSERT_FRAME, err, "isissssii", s->run, ev->scenario,
                      (int64_t)ev->number, text_or_empty(ev->direction),
                      text_or_empty(ev->transport), ev->revision, ev->findings,
                      (int64_t)ev->valid, (int64_t)ev->raw);
    case EV_POLL:
        return insert(s, INSERT_POLL, err, "isisiis", s->run, ev->scenario, ev->at_ms,
                      text_or_empty(ev->step), (int64_t)ev->attempt, (int64_t)ev->held,
                      ev->actual);
    case EV_RESOURCE:
        return insert(s, INSERT_RESOURCE, err, "isisss", s->run, ev->scenario, ev->at_ms,
                      text_or_empty(ev->resource_kind), text_or_empty(ev->resource_id),
                      text_or_empty(ev->resource_state));
    case EV_SCENARIO_END:
        return insert(s, END_SCENARIO, err, "ssiis",
                      table_name(verdict_names, (int)ev->verdict), ev->reason,
                      ev->duration_ms, s->run, ev->scenario);
    case EV_RUN_END:
        return insert(s, END_RUN, err, "iiii", ev->duration_ms, (int64_t)ev->exit_code,
                      (int64_t)ev->leaked, s->run);
    }
    return err_set(err, ERR_BUG, "unknown event %d", (int)ev->kind);
}

static int store_event(struct sink *sink, const struct event *ev, struct err *err)
{
    struct store *s = ((struct store_sink *)sink)->store;
    if (ev->kind != EV_RUN_BEGIN && s->run == 0) {
        return err_set(err, ERR_BUG, "an event before the run began");
    }
    /* One statement, committed at once: in WAL mode that is cheap, and a run that is
     * killed keeps everything that it had recorded. */
    return write_event(s, ev, err);
}

static void store_sink_close(struct sink *sink)
{
    free(sink);
}

struct sink *store_sink(struct store *s)
{
    struct store_sink *ss = xcalloc(1, sizeof(*ss));
    ss->sink.event = store_event;
    ss->sink.close = store_sink_close;
    ss->store = s;
    return &ss->sink;
}

int64_t store_last_run(struct store *s)
{
    int64_t id = s->run;
    if (id == 0 && read_int(s, "SELECT coalesce(max(id),0) FROM run", &id) < 0) {
        return 0;
    }
    return id;
}

enum { MAX_COLUMNS = 32 };

int store_query(struct store *s, const char *sql, const int64_t *params, int n_params,
                store_row_fn *visit, void *arg, struct err *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK) {
        return store_fail(s, "read", err);
    }
    for (int i = 0; i < n_params; i++) {
        sqlite3_bind_int64(st, i + 1, params[i]);
    }
    int columns = sqlite3_column_count(st);
    columns = columns > MAX_COLUMNS ? MAX_COLUMNS : columns;
    int result = 0;
    int status;
    while ((status = sqlite3_step(st)) == SQLITE_ROW && result == 0) {
        const char *values[MAX_COLUMNS];
        for (int i = 0; i < columns; i++) {
            const unsigned char *text = sqlite3_column_text(st, i);
            values[i] = text ? (const char *)text : "";
        }
        result = visit(columns, values, arg);
    }
    if (result == 0 && status != SQLITE_DONE) {
        result = store_fail(s, "read", err);
    }
    sqlite3_finalize(st);
    return result;
}
