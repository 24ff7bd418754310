/*
 * What is known of an open state file: between the halves of state_save.h, saving
 * (state_save.c) and bringing back (state_restore.c).
 */
#ifndef SERVER_STATE_FILE_H
#define SERVER_STATE_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "mocks/server/state_store.h"

struct state_file {
    struct state_store *store;
    json_t *hashes;     /* "kind id" -> hash of the row as it was saved */
    json_t *last_lines; /* "kind owner" -> the very line that was saved last */
    int64_t entries_saved, entries_trimmed; /* numbers of the journal */
    int last_port, last_https_port;
    bool started; /* changes are saved */
    bool touched; /* something may differ */
    bool failing; /* the last save failed, which was said */
};

#endif
