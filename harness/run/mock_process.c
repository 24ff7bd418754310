#include "run/mock_process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/json.h"

enum { LAST_WORDS = 2048 };

/* PATH and its like, our own variables, and the sanitizers' options. */
static void child_env(struct strv *env)
{
    static const char *const prefixes[] = {
        "WAYBILL_", "ASAN_OPTIONS=",  "PATH=",   "LSAN_OPTIONS=", "TSAN_OPTIONS=",
        "HOME=",    "UBSAN_OPTIONS=", "TMPDIR=", "TIMEOUT_MUL="};
    for (char **e = environ; *e; e++)
        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
            if (strncmp(*e, prefixes[i], strlen(prefixes[i])) == 0)
                strv_add(env, *e);
}

static void add_list(struct strv *argv, const char *option, const struct strv *values)
{
    for (size_t i = 0; values && i < values->n; i++) {
        strv_add(argv, option);
        strv_add(argv, values->v[i]);
    }
}

static void child_argv(const struct mock_spec *spec, const struct target *target,
                       struct strv *argv)
{
    strv_add(argv, spec->program);
    strv_add(argv, "platform");
    strv_add(argv, "--json");
    strv_add(argv, "--pace");
    strv_addf(argv, "%g", target->pace);
    const char *const options[][2] = {{"--catalog", spec->catalog},
                                      {"--contract", spec->contract},
                                      {"--contracts-dir", spec->contracts_dir},
                                      {"--routes-out", spec->routes_file}};
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (!options[i][1])
            continue;
        strv_add(argv, options[i][0]);
        strv_add(argv, options[i][1]);
    }
    add_list(argv, "--catalog", spec->catalogs);
    add_list(argv, "--switch", spec->switches);
    add_list(argv, "--fault", spec->faults);
}

/* 0: a line without its newline is in *line; 1: the pipe ended first. */
static int read_line(int fd, int64_t deadline_ms, struct buf *line, struct err *err)
{
    for (;;) {
        int64_t left = deadline_ms - clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot wait for the mock platform");
        if (n == 0)
            return err_set(err, ERR_TIMEOUT, "the mock platform was not ready in time");
        char chunk[4096];
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, errno, "cannot read from the mock platform");
        if (got == 0)
            return 1;
        buf_add(line, chunk, (size_t)got);
        char *nl = memchr(line->data, '\n', line->len);
        if (nl) {
            line->len = (size_t)(nl - line->data);
            *nl = '\0';
            return 0;
        }
        if (line->truncated)
            return err_set(err, ERR_SHAPE, "the mock platform's first line is too long");
    }
}

char *mock_process_last_words(const struct mock_process *m)
{
    char text[LAST_WORDS + 1];
    off_t size = m->errors >= 0 ? lseek(m->errors, 0, SEEK_END) : 0;
    off_t from = size > LAST_WORDS ? size - LAST_WORDS : 0;
    ssize_t n = size > 0 ? pread(m->errors, text, LAST_WORDS, from) : 0;
    text[n > 0 ? n : 0] = '\0';
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    return xstrdup(text);
}

/* Its own error line, without its program name, when it refused its options. */
static int explain_death(struct mock_process *m, struct err *err)
{
    int status = 0;
    CLEANUP(free_ptr) char *words = NULL;
    int rc = proc_wait(&m->proc, clock_mono_ms() + 2000, &status, err);
    if (rc < 0)
        return -1;
    words = mock_process_last_words(m);
    const char *last = strrchr(words, '\n');
    last = last ? last + 1 : words;
    if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 2)
        return err_set(err, ERR_CONFIG, "mock platform: %s",
                       *last ? last : "bad options");
    if (rc == 0 && WIFSIGNALED(status))
        return err_set(err, ERR_SYS, "the mock platform died of signal %d: %s",
                       WTERMSIG(status), last);
    return err_set(err, ERR_SYS, "the mock platform did not start: %s",
                   *last ? last : "it said nothing");
}

static int take_addresses(const struct buf *line, struct target *t,
                          struct mock_process *m, struct err *err)
{
    CLEANUP(json_drop) json_t *j = NULL;
    if (json_parse(line->data, line->len, &j, err) < 0)
        return err_prefix(err, "first line of the mock platform");
    const char *cp = json_str(j, "cp_url", NULL), *mock = json_str(j, "mock_url", NULL);
    const char *domain = json_str(j, "tenant_domain", NULL);
    const char *token = json_str(j, "cp_admin_token", NULL);
    if (!cp || !domain || !token)
        return err_set(err, ERR_SHAPE,
                       "first line of the mock platform: cp_url, "
                       "tenant_domain or cp_admin_token is missing");
    char **fields[] = {&t->cp_url, &t->tenant_domain, &t->mock_url, &t->cp_token};
    const char *values[] = {cp, domain, mock ? mock : cp, token};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        char **field = fields[i];
        free(*field);
        *field = xstrdup(values[i]);
    }
    json_t *pace = json_object_get(j, "pace");
    if (json_is_number(pace) && json_number_value(pace) > 0)
        t->pace = json_number_value(pace);
    const char *dir = json_str(j, "dir", NULL);
    m->dir = dir ? xstrdup(dir) : NULL;
    return 0;
}

int mock_process_start(const struct mock_spec *spec, struct target *target,
                       struct mock_process *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv argv = STRV_INIT, env = STRV_INIT;
    child_argv(spec, target, &argv);
    child_env(&env);
    struct mock_process m = MOCK_PROCESS_INIT;
    m.errors = memfd_create("mock-platform-stderr", MFD_CLOEXEC);
    if (m.errors < 0)
        return err_sys(err, errno, "cannot keep the mock platform's stderr");
    struct proc_spec proc = PROC_SPEC_INIT;
    proc.argv = strv_argv(&argv);
    proc.env = &env;
    proc.out = PROC_PIPE;
    proc.err = m.errors;
    CLEANUP(buf_release) struct buf line = BUF_INIT(MIB(1));
    if (proc_spawn(&proc, &m.proc, err) < 0) {
        (void)err_prefix(err, "mock platform");
        mock_process_stop(&m);
        return -1;
    }
    int64_t patience = (int64_t)(20000 * clock_timeout_mul());
    int rc = read_line(m.proc.out, clock_mono_ms() + patience, &line, err);
    if (rc == 1)
        rc = explain_death(&m, err);
    if (rc < 0 || take_addresses(&line, target, &m, err) < 0) {
        mock_process_stop(&m);
        return -1;
    }
    *ret = m;
    return 0;
}

void mock_process_stop(struct mock_process *m)
{
    if (m->proc.pid > 0)
        proc_stop(&m->proc, (int64_t)(5000 * clock_timeout_mul()));
    proc_release(&m->proc);
    close_fd(&m->errors);
    /* It removes its folder itself, unless it was killed. */
    struct err ignored = ERR_INIT;
    if (m->dir && fs_rmtree(m->dir, &ignored) < 0)
        log_warn("%s", ignored.text);
    free_ptr(&m->dir);
}
