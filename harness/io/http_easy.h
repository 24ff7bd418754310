/*
 * What the waiting and the asynchronous client share: one libcurl easy handle set up for
 * one struct http_request, and its outcome. Internal to io/http.c and io/http_async.c.
 */
#ifndef IO_HTTP_EASY_H
#define IO_HTTP_EASY_H

#include "base/err.h"
#include "io/http.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct transfer {
    CURL *easy;                     /* borrowed */
    const struct http_request *req; /* borrowed */
    struct http_response *resp;     /* borrowed; filled while the transfer runs */
    struct curl_slist *headers;     /* owned */
    size_t max_body;
    int64_t started_at_ms;
    bool too_large; /* the body passed max_body */
    bool aborted;   /* cancelled while libcurl runs: ends at its next data */
    char why[CURL_ERROR_SIZE];
};

/* Initialises libcurl once per process. */
MUST_CHECK int transfer_global_init(struct err *err);
/* Resets t->easy and sets every option. ERR_SHAPE: bad URL, method or header. */
MUST_CHECK int transfer_setup(struct transfer *t, struct err *err);
/* Turns libcurl's result into ours: 0 = t->resp is an answer. */
MUST_CHECK int transfer_outcome(struct transfer *t, CURLcode rc, struct err *err);
void transfer_release(struct transfer *t);

#endif
