/*
 * Names and codes of the modern revisions.
 * Source: Model Context Protocol 2026-07-28, "Base protocol" (_meta) and "Versioning".
 */
#ifndef MCP_META_H
#define MCP_META_H

#define MCP_META_VERSION "io.modelcontextprotocol/protocolVersion"
#define MCP_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define MCP_META_CLIENT "io.modelcontextprotocol/clientInfo"
#define MCP_META_SERVER "io.modelcontextprotocol/serverInfo"
#define MCP_META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"
#define MCP_META_LOG_LEVEL "io.modelcontextprotocol/logLevel"

enum mcp_error {
    MCP_HEADER_MISMATCH = -32020,     /* a header is missing or not what the body says */
    MCP_MISSING_CAPABILITY = -32021,  /* data.requiredCapabilities */
    MCP_UNSUPPORTED_VERSION = -32022, /* data.supported, data.requested */
};

#endif
