/* The result database: what is recorded is there, also after the writer was killed. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/proc.h"
#include "reports/model.h"
#include "reports/store.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char dir[64];
    char *db;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/waybill-store-XXXXXX");
    if (!mkdtemp(f->dir)) {
        free(f);
        return -1;
    }
    f->db = fs_join(f->dir, "results.db");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int result = fs_rmtree(f->dir, NULL);
    free(f->db);
    free(f);
    return result;
}

static void send_event(struct sink *sink, struct event ev)
{
    struct err err = ERR_INIT;
    ev.at_ms = 1766000000000;
    if (sink->event(sink, &ev, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static void send_begin(struct sink *sink)
{
    send_event(sink, (struct event){.kind = EV_RUN_BEGIN,
                                    .target = "mock",
                                    .contract = "rfc",
                                    .seed = "s1",
                                    .version = "0",
                                    .command_line = "waybill run",
                                    .scenarios = 1});
    send_event(sink, (struct event){.kind = EV_SCENARIO_BEGIN,
                                    .scenario = "delivery/a",
                                    .file = "scenarios/delivery/a.yaml",
                                    .proves = "something",
                                    .tags = "gate"});
    send_event(sink, (struct event){.kind = EV_EXCHANGE,
                                    .scenario = "delivery/a",
                                    .number = 1,
                                    .step = "one",
                                    .protocol = "http",
                                    .request = "GET http://x/",
                                    .status = 200,
                                    .response_body = "{}"});
    send_event(sink, (struct event){.kind = EV_CHECK,
                                    .scenario = "delivery/a",
                                    .step = "one",
                                    .step_name = "the first",
                                    .name = "status",
                                    .verdict = VERDICT_FAIL,
                                    .expected = "200",
                                    .actual = "<404 & \x01>",
                                    .line = 12,
                                    .exchange = 1});
}

static void send_frame(struct sink *sink, const char *direction, const char *findings,
                       int raw)
{
    send_event(sink, (struct event){.kind = EV_FRAME,
                                    .scenario = "delivery/a",
                                    .number = 1,
                                    .direction = direction,
                                    .transport = "stdio",
                                    .revision = "2025-11-25",
                                    .findings = findings,
                                    .valid = findings == NULL,
                                    .raw = raw});
}

static void send_end(struct sink *sink)
{
    send_event(sink, (struct event){.kind = EV_SCENARIO_END,
                                    .scenario = "delivery/a",
                                    .verdict = VERDICT_FAIL,
                                    .reason = "the first: status",
                                    .duration_ms = 7,
                                    .checks = 1});
    send_event(sink, (struct event){.kind = EV_RUN_END,
                                    .failed = 1,
                                    .checks_failed = 1,
                                    .exit_code = 1,
                                    .duration_ms = 9});
}

static struct store *open_or_fail(const char *path, enum store_mode mode)
{
    struct store *s = NULL;
    struct err err = ERR_INIT;
    if (store_open(path, mode, &s, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return s;
}

static void reads_back_what_was_recorded(void **state)
{
    struct fixture *f = *state;
    struct store *s = open_or_fail(f->db, STORE_WRITE);
    struct sink *sink = store_sink(s);
    send_begin(sink);
    send_end(sink);
    sink->close(sink);
    store_close(s);

    s = open_or_fail(f->db, STORE_READ);
    struct report *r = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(report_load(s, 0, &r, &err), 0);
    assert_int_equal(r->failed, 1);
    assert_int_equal(r->exit_code, 1);
    assert_int_equal(r->n_scenarios, 1);
    assert_int_equal(r->scenarios[0].n_checks, 1);
    const struct report_check *c = &r->scenarios[0].checks[0];
    assert_string_equal(c->step, "one");
    assert_string_equal(c->file, "scenarios/delivery/a.yaml");
    assert_int_equal(c->line, 12);
    const struct report_exchange *e =
        report_exchange_by_id(&r->scenarios[0], c->exchange);
    assert_non_null(e);
    assert_string_equal(e->request, "GET http://x/");
    report_free(r);
    store_close(s);
}

static void assert_frames(const char *path, int n, const char *finding)
{
    struct store *s = open_or_fail(path, STORE_READ);
    struct report *r = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(report_load(s, 0, &r, &err), 0);
    const struct report_exchange *e = &r->scenarios[0].exchanges[0];
    assert_int_equal(e->n_frames, n);
    assert_int_equal(r->scenarios[0].n_findings, finding ? 1 : 0);
    if (finding) {
        const struct report_finding *f = &r->scenarios[0].findings[0];
        assert_string_equal(f->text, finding);
        assert_string_equal(f->step, "one");
        assert_int_equal(f->frames, 2);
        assert_int_equal(f->exchange, e->id);
        assert_string_equal(e->revision, "2025-11-25");
        assert_string_equal(e->transport, "stdio");
    }
    report_free(r);
    store_close(s);
}

static void record_frames(const char *path)
{
    struct store *s = open_or_fail(path, STORE_WRITE);
    struct sink *sink = store_sink(s);
    send_begin(sink);
    send_frame(sink, "sent", NULL, 0);
    send_frame(sink, "sent", "'id' is null", 1);
    send_frame(sink, "received", "the answer has no result", 0);
    send_frame(sink, "received", "the answer has no result", 0);
    send_end(sink);
    sink->close(sink);
    store_close(s);
}

/* Those alike are one finding; what a scenario breaks on purpose is none. */
static void keeps_each_frame_with_what_it_breaks(void **state)
{
    struct fixture *f = *state;
    record_frames(f->db);
    assert_frames(f->db, 4, "received: the answer has no result");
}

static void sql(sqlite3 *db, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s", why);
    }
}

/* Version 1 had no frames: one that is read stays as it is, one that is written to gets
 * them, and keeps its runs. */
static void upgrades_a_database_of_version_1_when_it_writes(void **state)
{
    struct fixture *f = *state;
    struct buf schema CLEANUP(buf_release) = BUF_INIT(KIB(256));
    struct err err = ERR_INIT;
    sqlite3 *db = NULL;
    if (fs_read("reports/schema.sql", &schema, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    sql(db, schema.data);
    sql(db,
        "INSERT INTO run(started_ms,target,contract,seed,version,command_line,planned)"
        " VALUES(1,'mock','rfc','s','0','waybill run',1);"
        "INSERT INTO scenario(run,name,file,proves,tags,started_ms)"
        " VALUES(1,'delivery/a','a.yaml','p','gate',1);"
        "INSERT INTO exchange(scenario,number,protocol,request,at_ms)"
        " VALUES(1,1,'http','GET http://x/',1);"
        "PRAGMA user_version=1");
    sqlite3_close(db);
    assert_frames(f->db, 0, NULL);
    record_frames(f->db);
    assert_frames(f->db, 4, "received: the answer has no result");
    struct store *s = open_or_fail(f->db, STORE_READ);
    assert_int_equal(store_last_run(s), 2);
    store_close(s);
}

static void appends_runs_and_reads_the_last(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        struct store *s = open_or_fail(f->db, STORE_WRITE);
        struct sink *sink = store_sink(s);
        send_begin(sink);
        send_end(sink);
        sink->close(sink);
        store_close(s);
    }
    struct store *s = open_or_fail(f->db, STORE_READ);
    assert_int_equal(store_last_run(s), 2);
    store_close(s);
}

/* The child records, says so, and waits to be killed. */
static int write_and_hang(void *arg)
{
    struct fixture *f = arg;
    struct store *s = open_or_fail(f->db, STORE_WRITE);
    struct sink *sink = store_sink(s);
    send_begin(sink);
    send_event(sink, (struct event){.kind = EV_SCENARIO_BEGIN,
                                    .scenario = "delivery/b",
                                    .file = "b",
                                    .proves = "",
                                    .tags = ""});
    char *mark = fs_join(f->dir, "ready");
    if (fs_write(mark, "", 0, 0600, NULL) < 0) {
        return 1;
    }
    for (;;) {
        pause();
    }
}

static void keeps_what_was_recorded_when_the_writer_is_killed(void **state)
{
    struct fixture *f = *state;
    struct proc p = PROC_INIT;
    struct err err = ERR_INIT;
    assert_int_equal(proc_fork(write_and_hang, f, &p, &err), 0);
    char *mark = fs_join(f->dir, "ready");
    int64_t deadline = clock_mono_ms() + 20000;
    while (!fs_exists(mark) && clock_mono_ms() < deadline) {
        int status;
        assert_int_equal(proc_wait(&p, clock_mono_ms() + 5, &status, &err), 1);
    }
    free(mark);
    proc_signal(&p, SIGKILL);
    proc_release(&p);

    struct store *s = open_or_fail(f->db, STORE_READ);
    struct report *r = NULL;
    assert_int_equal(report_load(s, 0, &r, &err), 0);
    assert_false(r->ended);
    assert_int_equal(r->n_scenarios, 2);
    assert_int_equal(r->scenarios[0].n_checks, 1);
    assert_int_equal(report_verdict(&r->scenarios[0]), VERDICT_BROKEN);
    report_free(r);
    store_close(s);
}

static void assert_refused(const char *path, enum store_mode mode, const char *words)
{
    struct store *s = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(store_open(path, mode, &s, &err), -1);
    assert_null(s);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (!strstr(err.text, words)) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
}

static void refuses_what_is_not_its_own(void **state)
{
    struct fixture *f = *state;
    assert_refused(f->db, STORE_READ, "no result database");
    assert_int_equal(fs_write(f->db, "hello, I am no database at all", 30, 0600, NULL),
                     0);
    assert_refused(f->db, STORE_WRITE, "as a database");
    assert_int_equal(unlink(f->db), 0);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL), SQLITE_OK);
    assert_refused(f->db, STORE_WRITE, "not a result database");
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_refused(f->db, STORE_WRITE, "newer waybill");
}

/* As root, nothing is read-only: for others then. */
static void reads_where_nothing_may_be_written(void **state)
{
    struct fixture *f = *state;
    struct store *writer = open_or_fail(f->db, STORE_WRITE);
    struct sink *sink = store_sink(writer);
    send_begin(sink);
    send_end(sink);
    sink->close(sink);
    store_close(writer);
    assert_int_equal(chmod(f->db, 0444), 0);
    assert_int_equal(chmod(f->dir, 0555), 0);
    bool root = geteuid() == 0;
    struct store *s = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(root ? seteuid(65534) : 0, 0);
    int read = store_open(f->db, STORE_READ, &s, &err);
    int64_t run = read == 0 ? store_last_run(s) : 0;
    store_drop(&s);
    int written = store_open(f->db, STORE_WRITE, &s, NULL);
    store_drop(&s);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_string_equal(err.text, "");
    assert_int_equal(run, 1);
    assert_int_equal(written, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_back_what_was_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_each_frame_with_what_it_breaks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(upgrades_a_database_of_version_1_when_it_writes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(appends_runs_and_reads_the_last, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_was_recorded_when_the_writer_is_killed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(reads_where_nothing_may_be_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_not_its_own, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
