// A server on the official TypeScript SDK 1.x: node sdk1.mjs stdio|sessions|stateless [minimal]
import { randomUUID } from 'node:crypto';
import { minimalCall, minimalList, objectSchema, require, serveHttp, tools } from './tools.mjs';

const { McpServer } = require('@modelcontextprotocol/sdk/server/mcp.js');
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { CallToolRequestSchema, ListToolsRequestSchema } =
    require('@modelcontextprotocol/sdk/types.js');
const { z } = require('zod');
const [manner, minimal] = process.argv.slice(2);

// To be measured: nothing but what answers.
function createMinimal() {
    const server = new Server({ name: 'sdk1', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => minimalList);
    server.setRequestHandler(CallToolRequestSchema, minimalCall);
    return server;
}

function createFull() {
    const server = new McpServer({ name: 'sdk1', version: '1.0.0' });
    for (const [name, tool] of Object.entries(tools)) {
        const config = { description: tool.description };
        if (Object.keys(tool.input).length) config.inputSchema = objectSchema(z, tool.input).shape;
        if (tool.output) config.outputSchema = objectSchema(z, tool.output).shape;
        const run = (args, extra) => tool.run(args, {
            progress: (progress, total) => extra._meta?.progressToken === undefined ? undefined :
                extra.sendNotification({
                    method: 'notifications/progress',
                    params: { progressToken: extra._meta.progressToken, progress, total },
                }),
        });
        server.registerTool(name, config,
            config.inputSchema ? run : (extra) => run({}, extra));
    }
    return server;
}
const create = minimal ? createMinimal : createFull;

if (manner === 'stdio') {
    const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
    await create().connect(new StdioServerTransport());
} else {
    const { StreamableHTTPServerTransport } =
        require('@modelcontextprotocol/sdk/server/streamableHttp.js');
    // One JSON body an answer is faster; the tests want the SDK's default, a stream.
    const enableJsonResponse = Boolean(minimal);
    const sessions = new Map();
    serveHttp(async (req, res) => {
        let transport = sessions.get(req.headers['mcp-session-id']);
        if (!transport) {
            transport = new StreamableHTTPServerTransport({
                enableJsonResponse,
                sessionIdGenerator: manner === 'sessions' ? () => randomUUID() : undefined,
                onsessioninitialized: (id) => sessions.set(id, transport),
            });
            const server = create();
            transport.onclose = () => sessions.delete(transport.sessionId);
            if (manner === 'stateless')
                res.on('close', () => { transport.close(); server.close(); });
            await server.connect(transport);
        }
        await transport.handleRequest(req, res);
    });
}
