// A small Express service without requests. Measures its own start, and sends the results to the parent process.
const firstLine = process.cpuUsage();
const express = require('express');
const { Client } = require('pg');

const app = express();
app.get('/rooms/:id', (request, response) => {
  response.json({ id: request.params.id });
});
app.listen(0, '127.0.0.1');

let firstQueryCpuMs = 0;
void measureFirstQuery();

// The probe uses CPU time, so the CPU time is measured in separate runs.
let longestBlockMs = 0;
let probedCpuMs = 0;
if (process.env.BENCH_PROBE === 'true') {
  process.nextTick(() => {
    probedCpuMs = readThreadCpuMs();
    probe();
  });
}

setTimeout(() => {
  const total = process.cpuUsage();
  const cpu = { firstLineCpuMs: toMs(firstLine), totalCpuMs: toMs(total) };
  process.send({ ...cpu, longestBlockMs, firstQueryCpuMs });
}, Number(process.env.BENCH_DURATION_MS) - performance.now());

/** Measures the main thread's CPU time to connect and to receive the first row, as a service does at its start. */
async function measureFirstQuery() {
  const startMs = readThreadCpuMs();
  const client = new Client({ connectionString: process.env.BENCH_POSTGRES_URL });
  await client.connect();
  await client.query('SELECT 1 AS one');
  firstQueryCpuMs = readThreadCpuMs() - startMs;
  await client.end();
}

/**
 * Records how much CPU time the main thread uses between two 1 ms timers. Unlike the delay of the timer, this doesn't
 * include other processes. The first interval starts when the main file has run.
 */
function probe() {
  setTimeout(() => {
    longestBlockMs = Math.max(longestBlockMs, readThreadCpuMs() - probedCpuMs);
    probedCpuMs = readThreadCpuMs();
    probe();
  }, 1);
}

function readThreadCpuMs() {
  return toMs(process.threadCpuUsage());
}

function toMs({ user, system }) {
  return (user + system) / 1000;
}
