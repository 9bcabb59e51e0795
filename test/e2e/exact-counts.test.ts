import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

const product = new PerfscopeServer();
beforeAll(() => product.start());
afterAll(() => product.remove());

describe('a running server', () => {
  it('is ready, and writes its own health', async () => {
    expect((await fetch(`${product.url}/readyz`)).status).toBe(200);
    const rows = await waitFor(async () => {
      const [[count] = []] = await product.sql('SELECT count() FROM system_health');
      return Number(count);
    });
    expect(rows).toBeGreaterThan(0);
  });

  it('says who holds the folder to a second start', () => {
    const second = spawnSync(process.execPath, ['dist/bin.js', 'serve'], {
      env: product.env,
      encoding: 'utf8',
    });
    expect(second.status).toBe(1);
    expect(second.stderr).toContain('PS_DATA_DIR_HELD');
    expect(second.stderr).toContain(String(product.server?.pid));
  });

  it('does every test action, and cleanup neutralises what they wrote', async () => {
    const act = async (action: string) =>
      (await fetch(`${product.url}/api/performance/test?action=${action}`)).json();
    expect(await act('test-metrics')).toMatchObject({ written: 20, readBack: 20 });
    expect(await act('test-queue')).toMatchObject({ written: 10, readBack: 10 });
    expect(await act('cleanup')).toMatchObject({
      neutralised: { performanceMetrics: 20, queueMetrics: 10 },
    });
    expect(await act('nonsense')).toMatchObject({ code: 'PS_REQUEST_INVALID' });
  });

  it('watches itself in the same way', async () => {
    const endpoints = await waitFor(async () => {
      const rows = await product.sql(
        `SELECT endpoint FROM performance_metrics
         WHERE service = 'perfscope' AND metric_type = 'API_RESPONSE_TIME'`,
      );
      return rows.length > 0 && rows.map(([endpoint]) => endpoint);
    });
    expect(new Set(endpoints)).toEqual(new Set(['/api/performance/test']));
  });

  it('keeps equal values of two processes apart, with QuestDB killed meanwhile', async () => {
    const old = product.questdbPid;
    process.kill(old, 'SIGKILL');
    const now = String(Date.now());
    const codes = await Promise.all([
      product.runApp('test/apps/record-equal-values.mjs', [now]),
      product.runApp('test/apps/record-equal-values.mjs', [now]),
    ]);
    expect(codes).toEqual([0, 0]);
    expect(product.questdbPid).not.toBe(old);
    const sums = await waitFor(async () => {
      const [[rows] = []] = await product.sql(
        "SELECT sum(count) FROM performance_metrics WHERE name = 'equal'",
      );
      const [[buckets] = []] = await product.sql(
        "SELECT sum(count) FROM metric_buckets WHERE name = 'equal'",
      );
      return Number(rows) >= 10_000 && Number(buckets) >= 10_000 && [rows, buckets];
    });
    expect(sums).toEqual([10_000, 10_000]);
  });

  it('ends with Ctrl-C within five seconds, and still has the data after the next start', async () => {
    const [[before] = []] = await product.sql('SELECT count() FROM system_health');
    const java = product.questdbPid;
    const startMs = performance.now();
    expect(await product.stop('SIGINT')).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect(() => process.kill(java, 0)).toThrow();
    await product.start();
    const [[after] = []] = await product.sql('SELECT count() FROM system_health');
    expect(Number(after)).toBeGreaterThanOrEqual(Number(before));
  });
});
