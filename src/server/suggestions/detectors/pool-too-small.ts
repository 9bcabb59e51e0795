import { formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import type { SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import { leaksConnections } from './connection-leak.ts';
import { type Detector, getMean, getSeconds, selectSeries, toShare } from './detector.ts';
import { groupPools, POOL_WAIT_METRIC_NAME, type PoolGauges } from './pool-facts.ts';

const MIN_WAITS = 50;
/** A free connection is available in less than 1 ms. */
const MIN_MEAN_MS = 10;
/** If the pool is never this full, the waits have another cause, such as slow connects. */
const FULL_SHARE = 0.8;
/** Planned share of used connections. */
const TARGET_SHARE = 0.8;
/** A larger step can overload the database. */
const MAX_GROWTH = 3;

export const poolTooSmallDetector: Detector = {
  kind: 'pool-too-small',
  title: 'Pools that are too small',
  looksFor: 'Callers that wait for a connection because all connections of the pool are in use.',
  minimum:
    '50 waits with a mean of 10 ms, and a pool that is at least 80 % full or has waiting callers. A free connection is available in less than 1 ms.',
  nextStep: 'Increase the maximum of the pool, or hold connections for a shorter time.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  const pools = Map.groupBy(groupPools(facts), ({ service, pool }) =>
    JSON.stringify([service, pool]),
  );
  return selectSeries(facts, POOL_WAIT_METRIC_NAME).flatMap((fact) => {
    const { service, endpoint: pool } = fact;
    if (pool === undefined || fact.count < MIN_WAITS || getMean(fact) < MIN_MEAN_MS) return [];
    if (leaksConnections(facts, service, pool)) return [];
    const processes = pools.get(JSON.stringify([service, pool])) ?? [];
    return isFull(processes) ? [toSuggestion(facts, fact, pool, processes)] : [];
  });
}

/** Returns whether a process uses almost all connections of the pool. Also true if the pools are unknown. */
function isFull(processes: readonly PoolGauges[]): boolean {
  const measured = processes.filter(({ used, limit }) => used && limit !== undefined);
  if (measured.length === 0) return true;
  return measured.some(
    ({ used, limit, pending }) =>
      (used?.max ?? 0) >= FULL_SHARE * (limit ?? 0) || (pending?.max ?? 0) >= 1,
  );
}

function toSuggestion(
  facts: SuggestionFacts,
  fact: SeriesFact,
  pool: string,
  processes: readonly PoolGauges[],
): Suggestion {
  const { service, count, total, max: longest, firstMs, lastMs } = fact;
  const seconds = getSeconds(facts.range);
  const mean = getMean(fact);
  const limit = Math.max(0, ...processes.map((each) => each.limit ?? 0));
  const used = Math.max(0, ...processes.map((each) => each.used?.average ?? 0));
  const pending = Math.max(0, ...processes.map((each) => each.pending?.max ?? 0));
  // Little's law: callers that wait on average, in the time with waits, per process.
  const busySeconds = Math.max(1, (lastMs - firstMs) / 1000);
  const waiting = total / 1000 / busySeconds / Math.max(1, processes.length);
  const needed = Math.ceil((Math.max(used, limit) + Math.max(waiting, pending)) / TARGET_SHARE);
  const proposed = limit > 0 ? Math.min(Math.max(needed, limit + 1), MAX_GROWTH * limit) : needed;
  const share = computeShare(facts, service);
  return createSuggestion({
    ...{ kind: 'pool-too-small', key: [service, pool], service, pool, range: facts.range },
    ...{ firstMs, lastMs },
    title: `Callers wait ${formatDuration(mean)} for a connection of ${pool}`,
    evidence: [
      { label: 'Waits', value: count, unit: '1' },
      { label: 'Mean wait', value: mean, unit: 'ms' },
      { label: 'Longest wait', value: longest, unit: 'ms' },
      ...(limit > 0
        ? [
            { label: 'Maximum of the pool', value: limit, unit: '1' as const },
            { label: 'Mean used connections', value: used, unit: '1' as const },
          ]
        : []),
      { label: 'Waiting callers', value: Math.max(waiting, pending), unit: '1' },
    ],
    gain: {
      text: `Up to ${formatDuration(mean)} for each use of a connection${share === undefined ? '' : `, ${formatPercent(share)} of the request time of the service`}.`,
      method: 'Mean time until the pool provided a connection.',
      ms: mean,
      share,
    },
    nextStep: {
      text: `Increase the maximum of the pool${limit > 0 ? ` from ${formatNumber(limit)}` : ''} to ${proposed} (used and waiting callers at 80 % use). Check that the database accepts ${proposed} connections for each process. If statements are slow, make them faster first.`,
      code: `pool max: ${proposed}\n// new Pool({ max: ${proposed} }), or connectionLimit: ${proposed} in mysql2`,
    },
    confidence: limit > 0 ? 'high' : 'medium',
    savedMsPerSecond: total / seconds,
  });
}

/** Returns the share of waits for connections in the request time of a service, in percent. */
function computeShare({ requests }: SuggestionFacts, service: string): number | undefined {
  let [waits, total] = [0, 0];
  for (const each of requests) {
    if (each.service !== service) continue;
    waits += each.count * (each.connectionWaitTime ?? 0);
    total += each.count * (each.average ?? 0);
  }
  return waits > 0 ? toShare(waits, total) : undefined;
}
