import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

describe('invalid environment variables', () => {
  it.each([
    ['unknown name', { PERFORMANCE_BUFER_SIZE: '5' }, /PS_CONFIG_UNKNOWN.*BUFFER_SIZE/],
    [
      'invalid number',
      { SYSTEM_HEALTH_INTERVAL: 'often' },
      /PS_CONFIG_INVALID.*often.*from 100 to/,
    ],
    ['invalid port', { OTEL_EXPORTER_PROMETHEUS_PORT: '99999' }, /PS_CONFIG_INVALID.*99999.*65535/],
    ['invalid URL', { PERFORMANCE_QUESTDB_URL: 'ftp://x' }, /PS_CONFIG_INVALID.*ftp:\/\/x/],
  ])('rejects %s', async (_case, env, message) => {
    for (const command of ['serve', 'check-config']) {
      const run = await runPerfscope([command], { ...server.env, ...env });
      expect(run.status).toBe(1);
      expect(run.stderr).toMatch(message);
    }
  });

  it('logs an invalid variable once in an application, and uses defaults', async () => {
    const env = { ...server.env, PERFORMANCE_BUFER_SIZE: '5', OTEL_SERVICE_NAME: 'wrong' };
    const hotel = new InstrumentedApp('test/apps/hotel-esm.mjs', { env });
    const base = await hotel.url();
    expect((await fetch(`${base}/rooms/1`)).status).toBe(200);
    await hotel.stop();
    expect(hotel.output.match(/PERFORMANCE_BUFER_SIZE/g)).toHaveLength(1);
    await waitFor(async () => {
      const rows = await server.sql("performance_metrics WHERE service = 'wrong'");
      return rows.length > 0;
    });
  });
});

it('drops, counts, and logs invalid values once, and stores valid values unchanged', async () => {
  const app = new InstrumentedApp('test/apps/invalid-values.mjs', { env: server.env });
  expect(await app.exited).toBe(0);
  expect(app.output).toContain('dropped 102');
  expect(app.output).toContain('strict: PS_ROW_INVALID');
  for (const field of ['value is not', 'name is missing', 'tags exceed', 'in the future']) {
    expect(app.output.split(field)).toHaveLength(2);
  }
  const tenants = [
    `O'Brien "Inn" \\ 100%`,
    'Hôtel 🏨 Zürich',
    'a,b=c d\n\te',
    '; DROP TABLE alerts --',
  ].sort();
  await expectRows(
    async () => {
      const rows = await server.sql(
        "SELECT organization_id, tags FROM performance_metrics WHERE name = 'clumsy'",
      );
      return rows.map(([tenant, tags]) => [tenant, JSON.parse(String(tags))]).sort();
    },
    tenants.map((tenant) => [tenant, { organizationId: tenant }]),
  );
  const [[tags] = []] = await waitFor(async () => {
    const found = await server.sql(
      "SELECT tags FROM performance_metrics WHERE name = 'clumsy.counter'",
    );
    return found.length > 0 && found;
  });
  expect(tags).toBe('{"perfscope.tags.dropped":true}');
  const dropped = `SELECT operation, sum(value) FROM performance_metrics
    WHERE name = 'perfscope.rows.dropped' ORDER BY operation`;
  await expectRows(
    () => server.sql(dropped),
    [
      // 20 values, and the row with their histogram.
      ['expired', 21],
      ['invalid', 103],
    ],
  );
});

it('does not affect an application without a server, and logs nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-no-server-'));
  try {
    const env = { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: folder };
    // The agent must ignore a discovery file whose process no longer exists.
    mkdirSync(join(folder, 'perfscope'));
    const exitedProcess = { pid: 2 ** 22 + 1, started: '1' };
    const stale = JSON.stringify({ process: exitedProcess, questdb: {}, spoolDir: folder });
    writeFileSync(join(folder, 'perfscope', 'server.json'), stale);
    const hotel = new InstrumentedApp('test/apps/hotel-cjs.cjs', { env });
    const base = await hotel.url();
    expect((await fetch(`${base}/rooms/1`)).status).toBe(200);
    expect(await hotel.stop()).toBe('SIGTERM');
    // On a terminal, the start line says that no server is running.
    expect(hotel.stderr).toBe('');
    expect(hotel.stdout).not.toContain('perfscope');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('wipe deletes only a data folder that no server is using, and only after confirmation', async () => {
  const whileRunning = await runPerfscope(['wipe', '--yes'], server.env);
  expect(whileRunning.status).toBe(1);
  expect(whileRunning.stderr).toContain('PS_DATA_DIR_HELD');
  await server.stop();
  const declined = await runPerfscope(['wipe'], server.env, 'n\n');
  expect(declined.stdout).toContain('Nothing was deleted');
  const otherFolder = { ...server.env, PERFORMANCE_DATA_DIR: server.folder };
  const wipe = (env: NodeJS.ProcessEnv) => runPerfscope(['wipe', '--yes'], env);
  expect((await wipe(otherFolder)).stderr).toContain('PS_NOT_A_DATA_DIR');
  expect((await wipe(server.env)).stdout).toContain('Deleted');
  expect((await wipe(server.env)).stdout).toContain('does not exist');
});
