/* Tests of server-sent events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "io/sse.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct sse_parser parser;
    struct buf seen; /* "event|id|data;" for each */
    int64_t retry_ms;
    int stop_with;
};

static int note(const struct sse_event *event, void *arg)
{
    struct fixture *f = arg;

    buf_addf(&f->seen, "%s|%s|%s;", event->event, event->id, event->data);
    f->retry_ms = event->retry_ms;
    return f->stop_with;
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    sse_init(&f->parser, note, f);
    buf_init(&f->seen, MIB(1));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sse_release(&f->parser);
    buf_release(&f->seen);
    free(f);
    return 0;
}

static void assert_events(struct fixture *f, const char *stream, const char *events)
{
    assert_int_equal(sse_feed(&f->parser, stream, strlen(stream)), 0);
    assert_string_equal(f->seen.data, events);
}

static void an_event_ends_at_an_empty_line(void **state)
{
    assert_events(*state, "event: add\nid: 7\ndata: x\n", "");
    assert_events(*state, "\n", "add|7|x;");
}

static void cr_lf_and_crlf_all_end_lines(void **state)
{
    assert_events(*state, "data: a\r\n\r\ndata: b\r\rdata: c\n\n",
                  "message||a;message||b;message||c;");
}

static void a_stream_may_be_cut_anywhere(void **state)
{
    static const char stream[] = "\xef\xbb\xbf"
                                 "event: e\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n";
    struct fixture *f = *state;

    for (size_t i = 0; i < strlen(stream); i++)
        assert_int_equal(sse_feed(&f->parser, stream + i, 1), 0);
    assert_string_equal(f->seen.data, "e||a\nb;message||c;");
}

static void data_lines_are_joined_and_one_space_is_dropped(void **state)
{
    assert_events(*state, "data:a\ndata:  b\ndata\ndata: c: d\n\n",
                  "message||a\n b\n\nc: d;");
}

static void comments_unknown_fields_and_empty_events_are_not_events(void **state)
{
    assert_events(*state, ": ping\n\nevent: e\n\nfoo: bar\n\n\n", "");
}

static void a_priming_event_has_empty_data(void **state)
{
    struct fixture *f = *state;

    assert_events(f, "id: 1\nretry: 3000\ndata:\n\n", "message|1|;");
    assert_int_equal(f->retry_ms, 3000);
}

static void the_last_id_stays_and_the_event_name_does_not(void **state)
{
    assert_events(*state, "event: e\nid: 1\ndata: a\n\ndata: b\n\nid:\ndata: c\n\n",
                  "e|1|a;message|1|b;message||c;");
}

static void a_bad_retry_is_ignored(void **state)
{
    struct fixture *f = *state;

    assert_events(f, "retry: 5x\ndata: a\n\n", "message||a;");
    assert_int_equal(f->retry_ms, -1);
}

static void a_retry_of_ages_is_a_day(void **state)
{
    struct fixture *f = *state;

    assert_events(f, "retry: 9223372036854775807\ndata: a\n\n", "message||a;");
    assert_int_equal(f->retry_ms, 24 * 60 * 60 * 1000);
}

static void an_event_without_end_is_an_error(void **state)
{
    static const char *const lines[] = {"", "\ndata:"}; /* one line, and many */
    struct fixture *f = *state;
    struct buf piece = BUF_INIT(MIB(2));

    for (size_t i = 0; i < MIB(1); i++)
        buf_addc(&piece, 'x');
    for (size_t k = 0; k < ARRAY_SIZE(lines); k++) {
        size_t fed = 0;
        int rc = sse_feed(&f->parser, "data:", 5);

        for (; rc == 0 && fed < 2 * LIMIT_RESPONSE_BODY; fed += piece.len) {
            rc = sse_feed(&f->parser, piece.data, piece.len);
            if (rc == 0)
                rc = sse_feed(&f->parser, lines[k], strlen(lines[k]));
        }
        assert_int_equal(rc, -1);
        assert_in_range(fed, LIMIT_RESPONSE_BODY, LIMIT_RESPONSE_BODY + MIB(1));
        sse_release(&f->parser);
        sse_init(&f->parser, note, f);
    }
    buf_release(&piece);
    assert_string_equal(f->seen.data, "");
}

static void an_id_that_is_too_long_is_none(void **state)
{
    struct fixture *f = *state;

    assert_events(f, "id: 1\ndata: a\n\nid: ", "message|1|a;");
    for (size_t i = 0; i < KIB(5); i++)
        assert_int_equal(sse_feed(&f->parser, "x", 1), 0);
    assert_events(f, "\ndata: b\n\n", "message|1|a;message||b;");
}

static void an_unfinished_event_is_dropped(void **state)
{
    assert_events(*state, "data: a\n\ndata: b\n", "message||a;");
}

static void the_callback_can_stop_the_parser(void **state)
{
    static const char stream[] = "data: a\n\ndata: b\n\n";
    struct fixture *f = *state;

    f->stop_with = 5;
    assert_int_equal(sse_feed(&f->parser, stream, strlen(stream)), 5);
    assert_string_equal(f->seen.data, "message||a;");
}

static void what_is_written_reads_back(void **state)
{
    struct fixture *f = *state;
    struct buf out = BUF_INIT(KIB(1));

    sse_write(&out, "e", "9", "one\ntwo");
    sse_write(&out, NULL, NULL, "");
    assert_string_equal(out.data, "event: e\nid: 9\ndata: one\ndata: two\n\ndata: \n\n");
    assert_int_equal(sse_feed(&f->parser, out.data, out.len), 0);
    buf_release(&out);
    assert_string_equal(f->seen.data, "e|9|one\ntwo;message|9|;");
}

#define WITH_PARSER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PARSER(an_event_ends_at_an_empty_line),
        WITH_PARSER(cr_lf_and_crlf_all_end_lines),
        WITH_PARSER(a_stream_may_be_cut_anywhere),
        WITH_PARSER(data_lines_are_joined_and_one_space_is_dropped),
        WITH_PARSER(comments_unknown_fields_and_empty_events_are_not_events),
        WITH_PARSER(a_priming_event_has_empty_data),
        WITH_PARSER(the_last_id_stays_and_the_event_name_does_not),
        WITH_PARSER(a_bad_retry_is_ignored),
        WITH_PARSER(a_retry_of_ages_is_a_day),
        WITH_PARSER(an_event_without_end_is_an_error),
        WITH_PARSER(an_id_that_is_too_long_is_none),
        WITH_PARSER(an_unfinished_event_is_dropped),
        WITH_PARSER(the_callback_can_stop_the_parser),
        WITH_PARSER(what_is_written_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
