/*
 * The MCP servers that run on a box, as programs: the management server (also in its
 * workspace mode) and the delegation server `a2a`.
 * Source: npm package @molecule-ai/mcp-server 1.6.1 (tools, environment, envelopes);
 * MCP 2025-11-25, stdio transport.
 *
 * Environment: without a name MOLECULE_MCP_MODE=management chooses the management tools,
 * anything else the workspace tools; WAYBILL_MCP_MANNERS=spec|shipped (default spec) and
 * WAYBILL_VERB_MODE=seed|real|phantom (default seed) choose how faithful and which verb.
 */
#ifndef MOCKS_MANAGEMENT_MCP_MCP_H
#define MOCKS_MANAGEMENT_MCP_MCP_H

/* `waybill-mock mcp [management|workspace|a2a] [OPTION...]`: argv[0] is "mcp". Serves
 * stdin and stdout until the end of stdin, or HTTP, either until SIGTERM or SIGINT.
 * Returns the exit code: 0; 1 when it cannot go on, or registers a tool twice; 2 for bad
 * usage, a bad environment, or a port that is taken. What is wrong is one line on stderr.
 */
int mcp_main(int argc, char **argv);

/* The box's npx: `npx [-y|--yes|--prefer-offline] PACKAGE[@VERSION] [ARG...]`. Runs the
 * management server in this process for its package; any other package, and any with
 * WAYBILL_NPX=real, goes to the next npx in PATH, 127 when there is none. */
int npx_main(int argc, char **argv);

#endif
