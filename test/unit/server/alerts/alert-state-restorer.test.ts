import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import type { QueryRule } from '../../../../src/server/alerts/rule-queries/run-rule-query.ts';
import { AlertStateRestorer } from '../../../../src/server/alerts/state/alert-state-restorer.ts';
import { AlertStateStore } from '../../../../src/server/alerts/state/alert-state-store.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { findRule, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const NO_DATA = findRule(loadTestRules(''), 'no-data') as QueryRule;
const ROWS = { name: 'metric_buckets', unitMs: 0, fromMs: Number.NEGATIVE_INFINITY, untilMs: T0 };

/** Creates a client for rows of these services at these times. */
function createClient(rows: Readonly<Record<string, readonly number[]>>): QueryClient {
  return {
    getCatalog: async () =>
      new Map([['performance_metrics', [{ ...ROWS, name: 'performance_metrics' }]]]),
    read: async (_scope, statement) => {
      const text = statement.parts.map((part) => ('text' in part ? part.text : '')).join('');
      const params = statement.parts.flatMap((part) => ('param' in part ? [part.param] : []));
      if (!text.includes('by_service')) return [];
      const [from, to] = params.filter((param) => param instanceof Date).map(Number);
      return Object.entries(rows).flatMap(([service, times]) => {
        const found = times.filter((ms) => ms >= from! && ms < to!);
        const isFiltered = params.some((param) => typeof param === 'string' && param in rows);
        if (found.length === 0 || (isFiltered && !params.includes(service))) return [];
        const [first, last] = [Math.min(...found), Math.max(...found)];
        const times_ = { first_at: new Date(first), last_at: new Date(last) };
        return [{ by_service: service, count: found.length, ...times_ }];
      });
    },
  };
}

/** Returns the services about which `no-data` fires after a restart, without further data. */
async function listMissing(rows: Readonly<Record<string, readonly number[]>>): Promise<string[]> {
  const alertStates = new AlertStateStore(() => {});
  const restorer = new AlertStateRestorer({
    queryClient: createClient(rows),
    alertStates,
    service: () => 'perfscope',
    startedMs: T0,
    healthIntervalMs: MINUTE_MS,
    onPastTransition: () => {},
    log: { info: () => {}, warn: (message) => expect.unreachable(message), error: () => {} },
  });
  await restorer.restore([NO_DATA], T0, HOUR_MS);
  for (let ms = 0; ms <= 10 * MINUTE_MS; ms += 30_000) alertStates.evaluate(NO_DATA, [], T0 + ms);
  return [...alertStates.listLive()].map(({ transition }) => transition.service ?? '');
}

const everyMinute = (fromMs: number, toMs: number) =>
  Array.from({ length: (toMs - fromMs) / 30_000 + 1 }, (_, i) => fromMs + i * 30_000);

it('notices a service that stopped before the restart, but not a script that runs every hour', async () => {
  const runs = Array.from({ length: 20 }, (_, i) => {
    const startMs = T0 - DAY_MS + (i + 3) * HOUR_MS + 30 * MINUTE_MS;
    return everyMinute(startMs, startMs + MINUTE_MS);
  });
  const missing = await listMissing({
    shop: everyMinute(T0 - 5 * HOUR_MS, T0 - HOUR_MS),
    script: runs.flat(),
  });
  expect(missing).toEqual(['shop']);
});
