/*
 * libmicrohttpd, loaded when the first listener is started: with GnuTLS and what that
 * needs in turn it is half of what a program's start waits for, and an MCP server on
 * stdin listens nowhere. The functions keep their names; httpd_mhd.c hands each to the
 * library. Internal to io/httpd*.
 */
#ifndef IO_HTTPD_MHD_H
#define IO_HTTPD_MHD_H

#include "base/err.h"

/* Once per process; before any function of libmicrohttpd. ERR_CONFIG: it is not
 * installed, or lacks what we use. */
MUST_CHECK int httpd_mhd_load(struct err *err);

#endif
