import { MINUTE_MS } from '../../../core/duration.ts';
import { formatNumber } from '../../../core/format.ts';
import type { GaugeFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion, toLink } from '../suggestion.ts';
import type { Detector } from './detector.ts';
import { groupPools, type PoolGauges } from './pool-facts.ts';

const MIN_SAMPLES = 3;
const MIN_HELD_MS = 2 * MINUTE_MS;
/** One held connection is normal: `LISTEN` needs a separate connection. */
const MIN_HELD = 2;
const MIN_SHARE_OF_POOL = 0.5;

export const connectionLeakDetector: Detector = {
  kind: 'connection-leak',
  title: 'Pools that leak',
  looksFor: 'Connections that the application took from a pool and never returned.',
  minimum:
    'Two connections that are held for more than a minute, in three reports over 2 minutes. Their number must have grown, or reached half of the pool. One held connection is normal, for example for LISTEN.',
  nextStep: 'Return each connection in a finally block.',
  detect,
};

/** Returns whether the pool of a service leaks. */
export function leaksConnections(facts: SuggestionFacts, service: string, pool: string): boolean {
  return groupPools(facts).some(
    (each) => each.service === service && each.pool === pool && findLeak(each) !== undefined,
  );
}

function detect(facts: SuggestionFacts): Suggestion[] {
  const leaks = groupPools(facts).flatMap((pool) => {
    const leak = findLeak(pool);
    return leak ? [{ pool, ...leak }] : [];
  });
  const byPool = Map.groupBy(leaks, ({ pool }) => JSON.stringify([pool.service, pool.pool]));
  return [...byPool.values()].flatMap((processes) => {
    const worst = processes.reduce((a, b) => (b.held > a.held ? b : a));
    return [toSuggestion(facts, worst.pool, worst, processes.length)];
  });
}

interface Leak {
  readonly held: number;
  readonly first: number;
  /** The route or job that took most of the held connections. */
  readonly route: string | undefined;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Returns the held connections of a pool if they don't fall. */
function findLeak({ held: gauges, limit }: PoolGauges): Leak | undefined {
  if (gauges.length === 0) return undefined;
  // Each report has one row with the route that holds most. The route can change over time.
  const latest = gauges.reduce((a, b) => (b.lastMs > a.lastMs ? b : a));
  const sum = (read: (gauge: GaugeFact) => number) => gauges.reduce((s, each) => s + read(each), 0);
  const samples = sum((gauge) => gauge.samples);
  const firstMs = Math.min(...gauges.map((gauge) => gauge.firstMs));
  const { last: held, lastMs } = latest;
  const first = Math.min(...gauges.map((gauge) => gauge.min));
  const max = Math.max(...gauges.map((gauge) => gauge.max));
  const isLong = samples >= MIN_SAMPLES && lastMs - firstMs >= MIN_HELD_MS;
  const hasFallen = held < max;
  const isLarge = limit !== undefined && held >= MIN_SHARE_OF_POOL * limit;
  const isLeak = held >= MIN_HELD && !hasFallen && (held > first || isLarge);
  const route = gauges.reduce((a, b) => (b.samples > a.samples ? b : a)).operation;
  return isLong && isLeak ? { held, first, route, firstMs, lastMs } : undefined;
}

function toSuggestion(
  facts: SuggestionFacts,
  { service, instance, pool, used, limit }: PoolGauges,
  { held, first, route, firstMs, lastMs }: Leak,
  processes: number,
): Suggestion {
  const of = limit === undefined ? '' : ` of ${formatNumber(limit)}`;
  return createSuggestion({
    ...{ kind: 'connection-leak', key: [service, pool], service, pool, endpoint: route, instance },
    ...{ range: facts.range, firstMs, lastMs },
    title: `${route ?? service} holds ${formatNumber(held)}${of} connections of ${pool} and doesn't return them`,
    evidence: [
      { label: 'Held for more than a minute', value: held, unit: '1' },
      { label: 'Smallest number in the range', value: first, unit: '1' },
      ...(used ? [{ label: 'Used connections', value: used.last, unit: '1' as const }] : []),
      ...(limit === undefined
        ? []
        : [{ label: 'Maximum of the pool', value: limit, unit: '1' as const }]),
      { label: 'Processes with this problem', value: processes, unit: '1' },
    ],
    gain: {
      text: `${formatNumber(held)} connections. Without a fix, all callers wait once the pool is empty.`,
      method: 'Number of connections that were held for more than a minute.',
    },
    nextStep: {
      text: `Return each connection in a finally block${route === undefined ? '' : ` of ${route}`}.`,
      code: 'const client = await pool.connect();\ntry {\n  await client.query(…);\n} finally {\n  client.release();\n}',
    },
    confidence: held > first ? 'high' : 'medium',
    savedMsPerSecond: 0,
    links: [
      toLink('Databases', '/databases', { service }),
      ...(route === undefined
        ? []
        : [toLink('Endpoint', '/endpoint', { service, endpoint: route })]),
    ],
  });
}
