// What the servers of this folder share: their tools as JSON Schema, and HTTP on a free
// port of 127.0.0.1, which stderr names once it listens.
import http from 'node:http';
import { createRequire } from 'node:module';

// The packages are where ci/install-node puts them, not beside these files.
export const require = createRequire(new URL('../../../build/mcp/package.json', import.meta.url));

// ctx.progress(done, total): a notification, when the caller wants them.
export const tools = {
    test_simple_text: {
        description: 'Answers one text.',
        input: {},
        run: () => ({ content: [{ type: 'text', text: 'This is a simple text response for testing.' }] }),
    },
    echo: {
        description: 'Says it again.',
        input: { text: 'string' },
        run: ({ text }) => ({ content: [{ type: 'text', text: `Echo: ${text}` }] }),
    },
    add: {
        description: 'Adds two numbers.',
        input: { a: 'number', b: 'number' },
        output: { sum: 'number' },
        run: ({ a, b }) => ({
            content: [{ type: 'text', text: JSON.stringify({ sum: a + b }) }],
            structuredContent: { sum: a + b },
        }),
    },
    fail: {
        description: 'Always fails.',
        input: {},
        run: () => ({ content: [{ type: 'text', text: 'it went wrong' }], isError: true }),
    },
    count: {
        description: 'Reports each step.',
        input: { steps: 'number' },
        run: async ({ steps }, ctx) => {
            for (let i = 1; i <= steps; i++) await ctx.progress(i, steps);
            return { content: [{ type: 'text', text: `${steps} steps` }] };
        },
    },
};

// A server that is measured has one tool, and nothing between it and its caller.
const simple = tools.test_simple_text;
export const minimalList = {
    tools: [{
        name: 'test_simple_text',
        description: simple.description,
        inputSchema: { type: 'object', additionalProperties: false },
    }],
};
export function minimalCall({ params }) {
    if (params.name !== 'test_simple_text') throw new Error(`no tool ${params.name}`);
    return simple.run();
}

export function objectSchema(z, members) {
    return z.object(Object.fromEntries(
        Object.entries(members).map(([name, type]) => [name, z[type]()])));
}

export function serveHttp(listener) {
    const server = http.createServer(listener);
    server.listen(0, '127.0.0.1', () => {
        process.stderr.write(`listening on http://127.0.0.1:${server.address().port}/mcp\n`);
    });
}
