// Uses COUNT different names of each kind: URLs, hosts, templates, tenants, SQL statements, errors, queues, and metrics.
// Before that, it uses long texts. Prints the memory after each part, and the totals.
const { mkdtempSync, rmSync } = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const express = require('express');
const { Client } = require('pg');
const {
  performanceMonitoringService: service,
  withUrlTemplate,
} = require('../../dist/agent-package/index.js');

const count = Number(process.argv[2]);
const CONCURRENCY = 16;
const LONG_TEXTS = 150;
const LONG_VALUE = 'long value '.repeat(20_000);
const LONG_QUERY = 'long_value_'.repeat(600);
/** Metrics, tenants, and queues need no server. */
const METRICS_PER_NAME = 4;
const REPETITIONS = 5;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-many-'));
const path = join(folder, 'http.sock');
/** Uses the same connections for all hosts. */
const agent = new http.Agent({ keepAlive: true });
agent.getName = () => 'all hosts';
agent.createConnection = () => net.connect(path);

const app = express();
app.get('/rooms/:id', (_request, response) => response.end());
app.get('/failing/:id', ({ params: { id } }) => {
  throw Object.assign(new Error(`Room ${id} is closed`), { name: `Closed${id}Error` });
});
app.get('/long/:id', ({ params: { id } }) => {
  throw new Error(`Room ${id} is closed: ${LONG_VALUE}`);
});
app.get('/repeating/:id', async ({ params: { id } }, response) => {
  for (let i = 0; i < REPETITIONS; i++) await query(`SELECT ${i} AS repeated_${id}`);
  response.end();
});
/** A pool would open a new connection after each failed statement. */
const clients = Array.from(
  { length: 4 },
  () => new Client({ connectionString: process.env.DATABASE_URL }),
);

const totals = {
  statements: 0,
  calls: 0,
  requests: 0,
  repeating: 0,
  errors: 0,
  metrics: 0,
  jobs: 0,
};

async function query(text) {
  const client = clients[totals.statements % clients.length];
  totals.statements += 1;
  await client.query(text).catch(() => {});
}

/** Sends a request to a host that no other request uses. */
function send(i, url) {
  totals.calls += 1;
  totals.requests += 1;
  return new Promise((resolve, reject) => {
    const request = http.get({
      host: `host-${i}.test`,
      path: url,
      headers: { 'x-organization-id': `organization-${i}` },
      agent,
    });
    request.on('error', reject);
    request.on('response', (response) => response.resume().on('end', resolve));
  });
}

/** Sends a request to a host that doesn't exist. */
function sendToMissingHost(i) {
  totals.calls += 1;
  return new Promise((resolve) => {
    const fail = (_host, _options, callback) =>
      callback(Object.assign(new Error(`no host ${i}`), { code: 'ENOTFOUND' }));
    http
      .request({ host: `missing-${i}.test`, path: `/${i}`, method: `METHOD${i}`, lookup: fail })
      .on('error', resolve)
      .end();
  });
}

async function useNames(i) {
  await withUrlTemplate(`/rooms-${i}/{id}`, () => send(i, `/rooms/${i}?guest=${i}`));
  await send(i, `/missing/${i}`);
  totals.errors += 1;
  await send(i, `/failing/${i}`);
  await sendToMissingHost(i);
  await query(`SELECT 1 AS room_${i}`);
  await query(`SELECT room_${i} FROM missing_${i}`);
  if (i % REPETITIONS === 0) {
    totals.repeating += 1;
    await send(i, `/repeating/${i}`);
  }
  for (let j = 0; j < METRICS_PER_NAME; j++) {
    const number = METRICS_PER_NAME * i + j;
    totals.metrics += 1;
    service.recordMetric({
      name: `metric-${number}`,
      value: 1,
      endpoint: `/endpoint-${number}`,
      organizationId: `organization-${number}`,
      propertyId: `property-${number}`,
      tags: { number },
    });
  }
  totals.jobs += 1;
  const job = { queueName: `queue-${i}`, jobType: `type-${i}`, jobId: `job-${i}` };
  service.recordQueueMetric({ ...job, status: 'completed', duration: 5 });
}

/** Each text has a part that the agent keeps: a table, a host, or a tenant. */
async function useLongTexts(i) {
  await query(`SELECT 1 FROM missing_table_with_a_long_name_${i} WHERE a = '${LONG_VALUE}'`);
  totals.errors += 1;
  await send(`with-a-long-name-${i}`, `/long/${i}?${LONG_QUERY}`);
}

/** Calls `use` for each number in the range. */
async function useAll(use, from, to) {
  let next = from;
  const work = async () => {
    while (next < to) await use(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

async function measureMemory() {
  await service.flush();
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    global.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const server = app.listen(path, async () => {
  // Connections are idle while the memory is measured.
  server.keepAliveTimeout = 0;
  await Promise.all(clients.map((client) => client.connect()));
  const warmUp = Math.min(count / 10, 500);
  await useAll(useNames, 0, warmUp);
  const start = await measureMemory();
  await useAll(useLongTexts, 0, LONG_TEXTS);
  const long = await measureMemory();
  await useAll(useNames, warmUp, count / 2);
  const half = await measureMemory();
  await useAll(useNames, count / 2, count);
  const end = await measureMemory();
  await Promise.all(clients.map((client) => client.end()));
  agent.destroy();
  server.close();
  rmSync(folder, { recursive: true });
  process.stdout.write(JSON.stringify({ start, long, half, end, totals }));
});
