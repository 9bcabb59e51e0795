import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const product = new PerfscopeServer();
beforeAll(() => product.start());
afterAll(() => product.remove());

describe('a wrong environment', () => {
  it.each([
    ['an unknown name', { PERFORMANCE_BUFER_SIZE: '5' }, /PS_CONFIG_UNKNOWN.*BUFFER_SIZE/],
    ['a value', { SYSTEM_HEALTH_INTERVAL: 'often' }, /PS_CONFIG_INVALID.*often.*from 100 to/],
    ['a port', { OTEL_EXPORTER_PROMETHEUS_PORT: '99999' }, /PS_CONFIG_INVALID.*99999.*65535/],
    ['an address', { PERFORMANCE_QUESTDB_URL: 'ftp://x' }, /PS_CONFIG_INVALID.*ftp:\/\/x/],
  ])('stops the start: %s', (_what, env, said) => {
    for (const verb of ['serve', 'check-config']) {
      const run = runPerfscope([verb], { ...product.env, ...env });
      expect(run.status).toBe(1);
      expect(run.stderr).toMatch(said);
    }
  });

  it('is said once inside an application, and the rest works on with defaults', async () => {
    const env = { ...product.env, PERFORMANCE_BUFER_SIZE: '5', OTEL_SERVICE_NAME: 'wrong' };
    const hotel = new InstrumentedApp('test/apps/hotel-esm.mjs', { env });
    const base = await hotel.url();
    expect((await fetch(`${base}/rooms/1`)).status).toBe(200);
    await hotel.stop();
    expect(hotel.output.match(/PERFORMANCE_BUFER_SIZE/g)).toHaveLength(1);
    await waitFor(async () => {
      const rows = await product.sql("performance_metrics WHERE service = 'wrong'");
      return rows.length > 0;
    });
  });
});

it('drops, counts and says once what can not be stored, and keeps the rest whole', async () => {
  const clumsy = new InstrumentedApp('test/apps/invalid-values.mjs', { env: product.env });
  expect(await clumsy.exited).toBe(0);
  expect(clumsy.output).toContain('dropped 122');
  expect(clumsy.output).toContain('strict: PS_ROW_INVALID');
  for (const field of ['value is not', 'name is missing', 'tags are longer', 'in the future']) {
    expect(clumsy.output.split(field)).toHaveLength(2);
  }
  const rows = await waitFor(async () => {
    const found = await product.sql(
      "SELECT organization_id, tags FROM performance_metrics WHERE name = 'clumsy'",
    );
    return found.length >= 4 && found;
  });
  const tenants = rows.map(([tenant]) => String(tenant)).sort();
  expect(tenants).toEqual(
    [`O'Brien "Inn" \\ 100%`, 'Hôtel 🏨 Zürich', 'a,b=c d\n\te', '; DROP TABLE alerts --'].sort(),
  );
  for (const [tenant, tags] of rows) {
    expect(JSON.parse(String(tags))).toEqual({ organizationId: tenant });
  }
  const [[tags] = []] = await waitFor(async () => {
    const found = await product.sql(
      "SELECT tags FROM performance_metrics WHERE name = 'clumsy.counter'",
    );
    return found.length > 0 && found;
  });
  expect(tags).toBe('{"perfscope.tags.dropped":true}');
  const dropped = `SELECT operation, sum(value) FROM performance_metrics
    WHERE name = 'perfscope.rows.dropped' ORDER BY operation`;
  await expectRows(
    () => product.sql(dropped),
    [
      ['expired', 20],
      ['invalid', 103],
    ],
  );
});

it('lets an application run on where no server is, and says once what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-nobody-'));
  try {
    const env = { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: folder };
    // A stale announcement, of a process that is gone, counts as none.
    mkdirSync(join(folder, 'perfscope'));
    const process_ = { pid: 2 ** 22 + 1, started: '1' };
    const stale = JSON.stringify({ process: process_, questdb: {}, spoolDir: folder });
    writeFileSync(join(folder, 'perfscope', 'server.json'), stale);
    const hotel = new InstrumentedApp('test/apps/hotel-cjs.cjs', { env });
    const base = await hotel.url();
    expect((await fetch(`${base}/rooms/1`)).status).toBe(200);
    expect(await hotel.stop()).toBe('SIGTERM');
    expect(hotel.output.match(/perfscope serve/g)).toHaveLength(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('removes the data folder when told to, and nothing else', async () => {
  const running = runPerfscope(['wipe', '--yes'], product.env);
  expect(running.status).toBe(1);
  expect(running.stderr).toContain('PS_DATA_DIR_HELD');
  await product.stop();
  const kept = runPerfscope(['wipe'], product.env, 'n\n');
  expect(kept.stdout).toContain('Nothing was deleted');
  const foreign = { ...product.env, PERFORMANCE_DATA_DIR: product.folder };
  expect(runPerfscope(['wipe', '--yes'], foreign).stderr).toContain('PS_NOT_A_DATA_DIR');
  expect(runPerfscope(['wipe', '--yes'], product.env).stdout).toContain('Deleted');
  expect(runPerfscope(['wipe', '--yes'], product.env).stdout).toContain('does not exist');
});
