/*
 * waybill-mock box: one workspace's machine, in one process.
 *
 * It is started by the platform with an explicit environment and its listening socket as
 * descriptor 3, runs the entrypoint (boot-install, adaptors), starts the MCP servers that
 * the executor loads, registers, heartbeats, and answers A2A and MCP over HTTP.
 */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include <stddef.h>

struct box;
struct httpd_req;

/* The box's HTTP surface. auth: "open", or "self" = the platform's inbound secret. */
struct box_route {
    const char *method, *pattern, *auth;
    void (*fn)(struct box *b, struct httpd_req *req);
};
/* The first row that fits is taken. */
extern const struct box_route box_routes[];
extern const size_t box_routes_n;

/* argv[0] is "box". Returns the exit code of the process: 0 after SIGTERM. */
int box_main(int argc, char **argv);

#endif
