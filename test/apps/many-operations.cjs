// Runs COUNT GraphQL operations with different names, and calls COUNT tRPC procedures that don't exist.
// Prints the memory after half of them, and after all.
const { createServer, Agent, get } = require('node:http');
const { createRequire } = require('node:module');
const { resolve } = require('node:path');

const count = Number(process.argv[2]);
const CONCURRENCY = 16;
/** The other operations run outside a request, which is faster. */
const SENT_EVERY = 5;
const BATCH_SIZE = 50;
const load = createRequire(resolve('test/libraries/servers-2/package.json'));
const { buildSchema, graphql } = load('graphql');
const { initTRPC } = load('@trpc/server');
const { createHTTPHandler } = load('@trpc/server/adapters/standalone');

const schema = buildSchema('type Query { fails: Int count: Int }');
const rootValue = {
  count: 1,
  fails: () => {
    throw new Error('always fails');
  },
};
const t = initTRPC.create();
const router = t.router({ hello: t.procedure.query(() => 'hello') });
const handleTrpc = createHTTPHandler({ router, basePath: '/trpc/' });

const server = createServer(async (request, response) => {
  if (request.url.startsWith('/trpc/')) return handleTrpc(request, response);
  const { searchParams } = new URL(request.url, 'http://localhost');
  const result = await graphql({ schema, source: searchParams.get('query'), rootValue });
  response.end(JSON.stringify(result));
});
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });

const send = (path) =>
  new Promise((resolve, reject) => {
    const { port } = server.address();
    get({ port, host: '127.0.0.1', path, agent }, (response) =>
      response.resume().on('end', resolve),
    ).on('error', reject);
  });

const toBatch = (i) => Array.from({ length: BATCH_SIZE }, (_, j) => `unknown${i + j}`).join();

async function sendRange(from, to) {
  let next = from;
  const work = async () => {
    for (let i = next++; i < to; i = next++) {
      const field = i % 100 === 0 ? `alias${i}: fails` : 'count';
      const source = `query Name${i} { ${field} }`;
      if (i % SENT_EVERY !== 0) await graphql({ schema, source, rootValue });
      else await send(`/graphql?query=${encodeURIComponent(source)}`);
      if (i % BATCH_SIZE === 0) await send(`/trpc/${toBatch(i)}?batch=1&input=%7B%7D`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

function readMemory() {
  for (let i = 0; i < 4; i++) global.gc();
  return process.memoryUsage().heapUsed;
}

async function main() {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  await sendRange(0, count / 2);
  const half = readMemory();
  await sendRange(count / 2, count);
  const end = readMemory();
  console.log(JSON.stringify({ half, end }));
  agent.destroy();
  server.closeAllConnections();
  server.close();
}
void main();
