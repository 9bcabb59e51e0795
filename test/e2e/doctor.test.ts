import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PackedInstall } from '../support/packed-install.ts';
import { runPerfscope } from '../support/run-perfscope.ts';

const install = new PackedInstall();
beforeAll(() => install.install('express@5', 'pg@7', 'bullmq@5', 'ioredis@5'));
afterAll(() => install.remove());

const env = { PATH: process.env.PATH, HOME: tmpdir() };

it('lists the libraries that an application loads, and explains why a library is not measured', async () => {
  const file = join(install.folder, 'app.cjs');
  writeFileSync(
    file,
    "require('express'); require('bullmq'); require('pg'); setInterval(() => {}, 1000);",
  );
  const { stdout, status } = await runPerfscope(['doctor', file], env);
  expect(status).toBe(1);
  expect(stdout).toMatch(/✓ express 5\.\d/);
  expect(stdout).toMatch(/✓ bullmq 5\.\d/);
  expect(stdout).toMatch(/✗ pg 7\.\d+\.\d+: only version 8 is supported/);
});

it.each([
  ['after a while', "setTimeout(() => require('express'), 4000); setInterval(() => {}, 1000);", ''],
  [
    'in a cluster worker',
    `const cluster = require('node:cluster');
     if (cluster.isPrimary) cluster.fork().on('message', (message) => console.log('message', message));
     else { require('express'); setInterval(() => {}, 1000); }`,
    ' (in a worker process or thread)',
  ],
  [
    'in a thread',
    "new (require('node:worker_threads').Worker)('require(\"express\"); setInterval(() => {}, 1000);', { eval: true });",
    ' (in a worker process or thread)',
  ],
])('lists a library that is loaded %s', async (title, script, place) => {
  const file = join(install.folder, `${title}.cjs`);
  writeFileSync(file, script);
  const { stdout } = await runPerfscope(['doctor', file], env);
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toMatch(new RegExp(`✓ express 5[\\d.]+${place.replace(/[()]/g, '\\$&')}$`));
  expect(lines[1]).toMatch(/In package\.json, but not loaded: pg, .*bullmq/);
  expect(lines).toHaveLength(3);
  expect(stdout).not.toContain('bundle');
});

it('reports that no library was loaded in time, and a failed start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-doctor-'));
  try {
    const app = join(folder, 'app.mjs');
    writeFileSync(app, 'setInterval(() => {}, 1000);');
    const { stdout } = await runPerfscope(['doctor', '--timeout', '1s', app], env);
    expect(stdout).toContain(
      'did not load a library that Perfscope measures within 1 s. If it loads them later, set a longer --timeout.',
    );
    expect(stdout).not.toContain('bundle');
    const failed = await runPerfscope(['doctor', join(folder, 'missing.mjs')], env);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/PS_DOCTOR_FAILED/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('explains that the service still runs if its port is in use', async () => {
  const service = createServer().listen(0, '127.0.0.1');
  try {
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    const app = join(install.folder, 'server.cjs');
    writeFileSync(
      app,
      "require('express')().listen(process.env.PORT, '127.0.0.1', (error) => { if (error) throw error; });",
    );
    const { stderr, status } = await runPerfscope(['doctor', app], { ...env, PORT: String(port) });
    expect(status).toBe(1);
    expect(stderr).toContain(
      `it exited with code 1. Another process uses port ${port}. Your service probably still runs. Stop it, or set another PORT.`,
    );
  } finally {
    service.close();
  }
});

it('explains how to measure a bundled application', async () => {
  const app = join(install.folder, 'bundled.cjs');
  writeFileSync(app, '"app.use() requires a middleware function"; setTimeout(() => {}, 500);');
  const { stdout } = await runPerfscope(['doctor', app], env);
  expect(stdout).toContain('✗ express is bundled into the script.');
  expect(stdout).toContain('--external:express');
});

it.each([
  [
    { PERFORMANCE_QUESTDB_URL: 'http://user:secret@127.0.0.1:1' },
    /^perfscope: ✗ rows are not sent: http:\/\/127\.0\.0\.1:1 can't be reached: .*ECONNREFUSED/m,
  ],
  [
    { PERFORMANCE_QUESTDB_URL: 'ftp://user:secret@127.0.0.1' },
    /^perfscope: ✗ PERFORMANCE_QUESTDB_URL=.* is invalid: it must be a URL/m,
  ],
  [{}, /^perfscope: ✗ rows are not sent: no server is running on this machine/m],
  [
    { SYSTEM_HEALTH_ENABLED: 'false' },
    /^perfscope: Health snapshots are not stored: SYSTEM_HEALTH_ENABLED is false\.$/m,
  ],
])('explains with %o what is stored', async (settings, expected) => {
  const { stdout, stderr, status } = await runDoctorWith(settings);
  expect(stdout).toContain('started');
  expect(stdout).toMatch(expected);
  expect(stdout + stderr).not.toContain('secret');
  expect(status).toBe(1);
});

it.each([
  [{ PERFORMANCE_MONITORING_ENABLED: 'false' }, 'PERFORMANCE_MONITORING_ENABLED is false'],
  [{ OTEL_SDK_DISABLED: 'true' }, 'OTEL_SDK_DISABLED is true'],
])('does not run an application that is not measured: %o', async (settings, cause) => {
  const { stdout, stderr, status } = await runDoctorWith(settings);
  expect(stdout).toBe(`perfscope: ✗ nothing is measured: ${cause}\n`);
  expect([status, stderr]).toEqual([1, '']);
});

/** Runs `doctor` for an application that prints `started` and ends. */
async function runDoctorWith(settings: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-doctor-'));
  try {
    const app = join(folder, 'app.cjs');
    writeFileSync(app, "console.log('started');");
    return await runPerfscope(['doctor', app], { ...env, HOME: folder, ...settings });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
