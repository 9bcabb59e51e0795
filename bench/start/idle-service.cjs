// A small Express service without requests. Measures its own start, and sends the results to the parent process.
const firstLine = process.cpuUsage();
const express = require('express');

const app = express();
app.get('/rooms/:id', (request, response) => {
  response.json({ id: request.params.id });
});
app.listen(0, '127.0.0.1');

// The probe uses CPU time, so the CPU time is measured in separate runs.
let longestBlockMs = 0;
let probedMs = performance.now();
if (process.env.BENCH_PROBE === 'true') probe();

setTimeout(() => {
  const total = process.cpuUsage();
  process.send({ firstLineCpuMs: toMs(firstLine), totalCpuMs: toMs(total), longestBlockMs });
}, Number(process.env.BENCH_DURATION_MS) - performance.now());

/** Records how long a 1 ms timer is late. The first timer starts when the main file has run. */
function probe() {
  setTimeout(() => {
    const nowMs = performance.now();
    longestBlockMs = Math.max(longestBlockMs, nowMs - probedMs - 1);
    probedMs = nowMs;
    probe();
  }, 1);
}

function toMs({ user, system }) {
  return (user + system) / 1000;
}
