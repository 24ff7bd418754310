/*
 * waybill-mock journal: what a platform was asked and why it answered so, one line a
 * request; of a platform that runs (--url) or of a state file (--state).
 */
#ifndef SERVER_JOURNAL_MAIN_H
#define SERVER_JOURNAL_MAIN_H

/* The subcommand: argv[0] is "journal". Returns the exit code: 0, 2 for bad input, 3 when
 * the platform does not answer. */
int journal_main(int argc, char **argv);

#endif
