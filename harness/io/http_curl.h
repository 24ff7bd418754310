/*
 * libcurl, loaded when the first client is made. With the libraries that it needs in turn
 * (LDAP, Kerberos, SSH) it takes the linker longer than all others together, and most
 * commands, and every MCP server on stdin that is only asked for its tools, send nothing
 * over HTTP. The functions keep their names; http_curl.c hands each to the library.
 * Internal to io/http*.
 */
#ifndef IO_HTTP_CURL_H
#define IO_HTTP_CURL_H

#include "base/err.h"

/* Once per process; before any function of libcurl. ERR_CONFIG: it is not installed, or
 * lacks what we use. */
MUST_CHECK int http_curl_load(struct err *err);

#endif
