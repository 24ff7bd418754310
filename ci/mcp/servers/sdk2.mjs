// A server on the official TypeScript SDK 2.x, which speaks both eras unless it is strict:
//   node sdk2.mjs stdio|http|sessions [minimal|strict]
// sessions: the legacy eras only, with a session each.
import { randomUUID } from 'node:crypto';
import { minimalCall, minimalList, objectSchema, require, serveHttp, tools } from './tools.mjs';

const sdk = require('@modelcontextprotocol/server');
const { z } = require('zod');
const [manner, how] = process.argv.slice(2);
const minimal = how === 'minimal';

// To be measured: nothing but what answers.
function createMinimal() {
    const server = new sdk.Server({ name: 'sdk2', version: '2.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', () => minimalList);
    server.setRequestHandler('tools/call', minimalCall);
    return server;
}

function createFull() {
    const server = new sdk.McpServer({ name: 'sdk2', version: '2.0.0' });
    for (const [name, tool] of Object.entries(tools)) {
        const config = { description: tool.description };
        if (Object.keys(tool.input).length) config.inputSchema = objectSchema(z, tool.input);
        if (tool.output) config.outputSchema = objectSchema(z, tool.output);
        const run = (args, ctx) => tool.run(args, {
            progress: (progress, total) => ctx.mcpReq._meta?.progressToken === undefined ? undefined :
                ctx.mcpReq.notify({
                    method: 'notifications/progress',
                    params: { progressToken: ctx.mcpReq._meta.progressToken, progress, total },
                }),
        });
        server.registerTool(name, config, config.inputSchema ? run : (ctx) => run({}, ctx));
    }
    return server;
}
const create = minimal ? createMinimal : createFull;

if (manner === 'stdio') {
    const { serveStdio } = require('@modelcontextprotocol/server/stdio');
    serveStdio(create, how === 'strict' ? { legacy: 'reject' } : {});
} else {
    const { getRequestListener } = require('@hono/node-server');
    let answer;
    if (manner === 'http') {
        const handler = sdk.createMcpHandler(create, {
            responseMode: minimal ? 'json' : 'auto',
            legacy: how === 'strict' ? 'reject' : 'stateless',
        });
        answer = (request) => handler.fetch(request);
    } else {
        const sessions = new Map();
        answer = async (request) => {
            let transport = sessions.get(request.headers.get('mcp-session-id'));
            if (!transport) {
                transport = new sdk.WebStandardStreamableHTTPServerTransport({
                    enableJsonResponse: minimal,
                    sessionIdGenerator: () => randomUUID(),
                    onsessioninitialized: (id) => sessions.set(id, transport),
                });
                transport.onclose = () => sessions.delete(transport.sessionId);
                await create().connect(transport);
            }
            return transport.handleRequest(request);
        };
    }
    serveHttp(getRequestListener(answer, { overrideGlobalObjects: false }));
}
