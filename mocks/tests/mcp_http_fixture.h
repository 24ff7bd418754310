/*
 * For the tests of our MCP servers over HTTP: messages of both eras, and a server that
 * has the diagnostic tools.
 */
#ifndef MOCKS_TESTS_MCP_HTTP_FIXTURE_H
#define MOCKS_TESTS_MCP_HTTP_FIXTURE_H

#include "mocks/tests/mcp_fixture.h"

#define CALL(name, arguments)                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{"               \
    "\"name\":\"" name "\",\"arguments\":" arguments "}}"
#define M_LIST                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{" META "}}"
#define M_CALL(name, arguments)                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{"               \
    "\"name\":\"" name "\",\"arguments\":" arguments "," META "}}"
#define M_METHOD(name)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"" name "\",\"params\":{" META "}}"
#define ON(method) MODERN "\nMcp-Method: " method
#define CALLING(name) ON("tools/call") "\nMcp-Name: " name

static inline void start_http(struct mcp_fixture *f)
{
    start_server(f, "management --http-port 0 --diagnostics");
}

#endif
