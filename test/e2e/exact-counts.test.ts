import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

describe('running server', () => {
  it('becomes ready and writes its own health rows', async () => {
    await waitFor(async () => (await fetch(`${server.url}/readyz`)).status === 200);
    const rows = await waitFor(async () => {
      const [[count] = []] = await server.sql('SELECT count() FROM system_health');
      return Number(count);
    });
    expect(rows).toBeGreaterThan(0);
  });

  it('reports which process uses the data folder when a second server starts', async () => {
    const second = await runPerfscope(['serve'], server.env);
    expect(second.status).toBe(1);
    expect(second.stderr).toContain('PS_DATA_DIR_HELD');
    expect(second.stderr).toContain(String(server.child?.pid));
  });

  it('runs each test action; the `cleanup` action neutralizes the test rows', async () => {
    const runAction = async (action: string) =>
      (await fetch(`${server.url}/api/performance/test?action=${action}`)).json();
    expect(await runAction('test-metrics')).toMatchObject({ written: 20, readBack: 20 });
    expect(await runAction('test-queue')).toMatchObject({ written: 10, readBack: 10 });
    expect(await runAction('cleanup')).toMatchObject({
      neutralised: { performanceMetrics: 20, queueMetrics: 10 },
    });
    expect(await runAction('nonsense')).toMatchObject({ code: 'PS_REQUEST_INVALID' });
  });

  it('measures its own API requests', async () => {
    const endpoints = await waitFor(async () => {
      const rows = await server.sql(
        `SELECT endpoint FROM performance_metrics
         WHERE service = 'perfscope' AND metric_type = 'API_RESPONSE_TIME'`,
      );
      return rows.length > 0 && rows.map(([endpoint]) => endpoint);
    });
    expect(new Set(endpoints)).toEqual(new Set(['/api/performance/test']));
  });

  it('stores equal values from two processes separately while QuestDB restarts', async () => {
    const killedPid = server.questdbPid;
    process.kill(killedPid, 'SIGKILL');
    const now = String(Date.now());
    const codes = await Promise.all([
      server.runApp('test/apps/record-equal-values.mjs', [now]),
      server.runApp('test/apps/record-equal-values.mjs', [now]),
    ]);
    expect(codes).toEqual([0, 0]);
    await waitFor(async () => server.questdbPid !== killedPid);
    const sums = await waitFor(async () => {
      const [[rows] = []] = await server.sql(
        "SELECT sum(count) FROM performance_metrics WHERE name = 'equal'",
      );
      const [[buckets] = []] = await server.sql(
        "SELECT sum(count) FROM metric_buckets WHERE name = 'equal'",
      );
      return Number(rows) >= 10_000 && Number(buckets) >= 10_000 && [rows, buckets];
    });
    expect(sums).toEqual([10_000, 10_000]);
  });

  it('stops after Ctrl-C, and keeps the data after a restart', async () => {
    const [[before] = []] = await server.sql('SELECT count() FROM system_health');
    const questdbPid = server.questdbPid;
    expect(await server.stop('SIGINT')).toBe(0);
    expect(() => process.kill(questdbPid, 0)).toThrow();
    await server.start();
    const [[after] = []] = await server.sql('SELECT count() FROM system_health');
    expect(Number(after)).toBeGreaterThanOrEqual(Number(before));
  });
});
