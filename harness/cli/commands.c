#include "cli/cmd.h"

#include "base/limits.h"
#include "cli/cmd_mcp.h"
#include "run/verdict.h"

#include <stddef.h>
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
    "Runs scenarios, each in a process of its own, and says for each whether the\n"
    "product delivered what was promised. Without PATH: every scenario that comes\n"
    "with waybill. PATH is a file, a folder, or a name such as\n"
    "delivery/concierge-manages-workspaces. Every check, with what was expected, what\n"
    "came and the request that shows it, goes into a SQLite database, which is\n"
    "appended to; `waybill report` renders it again.\n";

static const char mock_details[] =
    "The control plane, its tenants, the forge, and one process a box, on loopback\n"
    "only. It prints its addresses and tokens; Ctrl-C ends it and every box.\n"
    "`waybill-mock journal` shows what it was asked, GET /_mock/info its faults and\n"
    "switches.\n";

static const char run_exit_codes[] =
    "  0    every check that had to run ran and passed\n"
    "  1    a check failed: the product contradicted an expectation\n"
    "  2    usage, configuration, a missing environment variable; nothing was made\n"
    "  3    broken: we could not find out, and nothing failed\n"
    "  4    something that the run created is still there after the teardown\n"
    "  5    nothing was proven: no scenario matched, or --require-live met a skip\n"
    "  130, 143  interrupted or terminated, after the teardown\n";

static const char list_exit_codes[] = "  0    done\n"
                                      "  2    usage or configuration\n"
                                      "  3    broken: we could not find out\n"
                                      "  5    no scenario matched\n";

static const char check_exit_codes[] = "  0    no mistake was found\n"
                                       "  2    a mistake was found, or usage\n"
                                       "  3    broken: we could not find out\n";

static const char mock_exit_codes[] =
    "  0    ended with Ctrl-C or SIGTERM\n"
    "  2    never began to serve: an option, a file or a port\n"
    "  3    broke while it served\n";

static const char mcp_details[] =
    "Speaks with an MCP server, over Streamable HTTP (URL) or as a child process\n"
    "(-- COMMAND), in any revision from 2024-11-05 to 2026-07-28.\n"
    "\n"
    "  list              its tools; --baseline keeps them, --match compares\n"
    "  call TOOL [K=V]   calls one; values become what the tool's schema says\n"
    "  ping              does it answer\n"
    "  inspect           who it is, what it can, how long it takes, what it breaks\n"
    "  bench [TOOL K=V]  how many tools/list or calls a second\n"
    "  conformance       what the official conformance suite wants of a client\n"
    "\n"
    "An option whose words name an action goes with that action only. What the\n"
    "server breaks of its revision is told on stderr, with --json among the result,\n"
    "and is no failure.\n";

static const char mcp_exit_codes[] =
    "  0    done\n"
    "  1    the server said no, the tool failed, or the lists of tools differ\n"
    "  2    usage, configuration or a missing environment variable\n"
    "  3    broken: there was no answer\n"
    "  5    conformance: the suite asked for nothing\n"
    "  130, 143  interrupted or terminated\n";

const struct command commands[] = {
    {"run", "[PATH...]", "run scenarios and say what was delivered", run_details,
     "waybill run --tags gate\n"
     "waybill run delivery/seo-agent-two-channels -v\n"
     "waybill run --tags gate --fault entitlement-gate=off --html build/red.html\n",
     run_option_rows, sizeof(struct run_arguments), cmd_run, 0, run_exit_codes},
    {"list", "[PATH...]", "the scenarios, what each proves and its tags", NULL,
     "waybill list --tags gate\n", list_option_rows, sizeof(struct list_arguments),
     cmd_list, 0, list_exit_codes},
    {"check", "[PATH...]", "find mistakes in scenario files", NULL,
     "waybill check\nwaybill check scenarios/delivery\n", check_option_rows,
     sizeof(struct check_arguments), cmd_check, 0, check_exit_codes},
    {"explain", "NAME...", "a scenario in plain words", NULL,
     "waybill explain delivery/seo-agent-two-channels\n", explain_option_rows,
     sizeof(struct explain_arguments), cmd_explain, 0, NULL},
    {"mock", "", "the mock platform in the foreground, for hands and other tools",
     mock_details,
     "waybill mock --org acme --env-file build/mock.env\n"
     "waybill mock --json --http-port 8080\n"
     "waybill mock --org acme --ca-out build/ca.pem\n"
     "waybill mock --self-hosted --concierge --http-port 8080\n",
     mock_option_rows, sizeof(struct mock_arguments), cmd_mock, 0, mock_exit_codes},
    {"mcp", "list|call|ping|inspect|bench|conformance URL|-- COMMAND",
     "an MCP client for hands and scripts", mcp_details,
     "waybill mcp list -- build/waybill-mock mcp\n"
     "waybill mcp inspect -e MOLECULE_MCP_MODE=management -- build/waybill-mock mcp\n"
     "waybill mcp call test_headers count=2 -- build/waybill-mock mcp --diagnostics\n"
     "waybill mcp list --baseline build/tools.json -- build/waybill-mock mcp\n"
     "waybill mcp list --match build/tools.json -- build/waybill-mock mcp\n"
     "waybill mcp bench -n 20 -- build/waybill-mock mcp\n",
     mcp_option_rows, sizeof(struct mcp_arguments), cmd_mcp,
     offsetof(struct mcp_arguments, given), mcp_exit_codes},
    {"report", "", "render a report again, from the database alone", NULL,
     "waybill report --format html --output build/report.html\n", report_option_rows,
     sizeof(struct report_arguments), cmd_report, 0, NULL},
    {"completion", "bash|zsh|fish", "completions for a shell, to source", NULL,
     "waybill completion bash\n", NULL, 0, cmd_completion, 0, NULL},
    {"man", "[COMMAND]", "the manual page's source", NULL, "waybill man run | man -l -\n",
     NULL, 0, cmd_man, 0, NULL},
    {"version", "", "the version", NULL, "waybill version\n", NULL, 0, cmd_version, 0,
     NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, NULL},
};
