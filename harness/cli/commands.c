#include "cli/cmd.h"

#include "base/limits.h"
#include "run/verdict.h"

#include <stdio.h>
#include <string.h>

static int print_text(const struct buf *out)
{
    fwrite(out->data, 1, out->len, stdout);
    return EXIT_PASSED;
}

int cmd_version(void *arguments, const struct strv *operands, struct err *err)
{
    (void)arguments;
    (void)operands;
    (void)err;
    printf("waybill %s\n", WAYBILL_VERSION);
    return EXIT_PASSED;
}

int cmd_completion(void *arguments, const struct strv *operands, struct err *err)
{
    (void)arguments;
    struct buf out CLEANUP(buf_release) = BUF_INIT(MIB(1));
    if (operands->n != 1) {
        return err_set(err, ERR_USAGE, "completion for which shell? bash, zsh or fish");
    }
    return completion_script(operands->v[0], &out, err) < 0 ? -1 : print_text(&out);
}

int cmd_man(void *arguments, const struct strv *operands, struct err *err)
{
    (void)arguments;
    struct buf out CLEANUP(buf_release) = BUF_INIT(MIB(1));
    const struct command *c = NULL;
    if (operands->n > 0) {
        for (c = commands; c->name && strcmp(c->name, operands->v[0]) != 0;) {
            c++;
        }
        if (!c->name) {
            return err_set(err, ERR_USAGE, "no command '%s'", operands->v[0]);
        }
    }
    man_page(c, &out);
    return print_text(&out);
}

static const char run_details[] =
    "Runs scenarios, each in a process of its own, and says for each whether the "
    "product\n"
    "delivered what was promised. Without PATH: every scenario that comes with waybill.\n"
    "PATH is a file, a folder, or a name such as delivery/concierge-manages-workspaces.\n"
    "Every check, with what was expected, what came and the request that shows it, goes\n"
    "into a SQLite database, which is appended to; `waybill report` renders it again.\n";

static const char mock_details[] =
    "The mock platform in the foreground: control plane, tenants, forge, and one process "
    "a\n"
    "box. It listens on loopback only. Ctrl-C ends it and every box.\n";

const struct command commands[] = {
    {"run", "[PATH...]", "run scenarios and say what was delivered", run_details,
     "waybill run --tags gate\n"
     "waybill run delivery/seo-agent-two-channels -v\n"
     "waybill run --tags gate --fault entitlement-gate=off --html build/red.html\n",
     run_option_rows, sizeof(struct run_arguments), cmd_run},
    {"list", "[PATH...]", "the scenarios, what each proves and its tags", NULL,
     "waybill list --tags gate\n", list_option_rows, sizeof(struct list_arguments),
     cmd_list},
    {"check", "[PATH...]", "find mistakes in scenario files", NULL,
     "waybill check\nwaybill check scenarios/delivery\n", check_option_rows,
     sizeof(struct check_arguments), cmd_check},
    {"explain", "NAME...", "a scenario in plain words", NULL,
     "waybill explain delivery/seo-agent-two-channels\n", explain_option_rows,
     sizeof(struct explain_arguments), cmd_explain},
    {"mock", "", "the mock platform in the foreground, for hands and other tools",
     mock_details,
     "waybill mock --org acme --env-file build/mock.env\n"
     "waybill mock --json --http-port 8080\n"
     "waybill mock --org acme --ca-out build/ca.pem\n"
     "waybill mock --self-hosted --concierge --http-port 8080\n",
     mock_option_rows, sizeof(struct mock_arguments), cmd_mock},
    {"report", "", "render a report again, from the database alone", NULL,
     "waybill report --format html --output build/report.html\n", report_option_rows,
     sizeof(struct report_arguments), cmd_report},
    {"completion", "bash|zsh|fish", "completions for a shell, to source", NULL,
     "waybill completion bash\n", NULL, 0, cmd_completion},
    {"man", "[COMMAND]", "the manual page's source", NULL, "waybill man run | man -l -\n",
     NULL, 0, cmd_man},
    {"version", "", "the version", NULL, "waybill version\n", NULL, 0, cmd_version},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
