// Uses COUNT different names of each kind: URLs, hosts, templates, tenants, SQL statements, errors, queues, and metrics.
// Prints the memory after the first half, and at the end.
const { mkdtempSync, rmSync } = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const express = require('express');
const { Pool } = require('pg');
const {
  performanceMonitoringService: service,
  withUrlTemplate,
} = require('../../dist/agent-package/index.js');

const count = Number(process.argv[2]);
const CONCURRENCY = 16;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-many-'));
// The ports of the machine would not suffice for one connection to each host.
const path = join(folder, 'http.sock');

const app = express();
app.get('/rooms/:id', (_request, response) => response.end());
app.get('/failing/:id', ({ params: { id } }) => {
  throw Object.assign(new Error(`Room ${id} is closed`), { name: `Closed${id}Error` });
});
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 4 });

/** Sends a request to a host that no other request uses. */
function send(i, url) {
  return new Promise((resolve, reject) => {
    const request = http.get({
      host: `host-${i}.test`,
      path: url,
      headers: { 'x-organization-id': `organization-${i}`, connection: 'close' },
      createConnection: () => net.connect(path),
    });
    request.on('error', reject);
    request.on('response', (response) => response.resume().on('end', resolve));
  });
}

async function useNames(i) {
  await withUrlTemplate(`/rooms-${i}/{id}`, () => send(i, `/rooms/${i}?guest=${i}`));
  await send(i, `/missing/${i}`);
  await send(i, `/failing/${i}`);
  await pool.query(`SELECT 1 AS room_${i}`);
  await pool.query(`SELECT room_${i} FROM missing_${i}`).catch(() => {});
  service.recordMetric({ name: `metric-${i}`, value: 1, endpoint: `/endpoint-${i}` });
  const job = { queueName: `queue-${i}`, jobType: `type-${i}`, jobId: `job-${i}` };
  service.recordQueueMetric({ ...job, status: 'completed', duration: 5 });
}

/** Calls `useNames` for each number in the range. */
async function useAll(from, to) {
  let next = from;
  const work = async () => {
    while (next < to) await useNames(next++);
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
  await useAll(0, count / 2);
  const half = await measureMemory();
  await useAll(count / 2, count);
  const end = await measureMemory();
  await pool.end();
  server.close();
  rmSync(folder, { recursive: true });
  process.stdout.write(JSON.stringify({ half, end }));
});
