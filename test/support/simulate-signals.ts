import type { IncidentSignals } from '../../src/server/alerts/incidents/causes/incident-signals.ts';
import type {
  SignalKind,
  SignalPoint,
  SignalSeries,
} from '../../src/server/alerts/incidents/causes/read-signals.ts';
import { createRandom } from './random.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STEP_MS = 10_000;
const EARLIER_STEP_MS = 5 * MINUTE_MS;
const BEFORE_MS = 20 * MINUTE_MS;
/** Start of the first alert. */
const STARTED_MS = 1000 * HOUR_MS + 50 * MINUTE_MS;

/** Operations of a simulated service. */
interface Operation {
  readonly timeKind: SignalKind;
  readonly failureKind?: SignalKind;
  readonly subject: string;
  /** Operations per second. */
  readonly rate: number;
  /** Mean duration in ms. The durations are log-normal with a standard deviation of 1.31 times the mean. */
  readonly ms: number;
  readonly errorRate?: number;
}

const OPERATIONS: readonly Operation[] = [
  ...[2, 0.5, 0.1, 0.02].map(
    (rate, i): Operation => ({
      ...{ timeKind: 'endpoint_time', failureKind: 'errors', errorRate: 0.005 },
      ...{ subject: `GET /endpoint-${i}`, rate, ms: 80 + 100 * i },
    }),
  ),
  ...[4, 1, 0.1, 0.02].map(
    (rate, i): Operation => ({
      ...{ timeKind: 'statement_time', subject: `SELECT ${i}`, rate, ms: [5, 30, 120, 800][i]! },
    }),
  ),
  {
    ...{ timeKind: 'call_time', failureKind: 'failed_calls', errorRate: 0.01 },
    ...{ subject: 'payments.example', rate: 0.2, ms: 300 },
  },
  {
    ...{ timeKind: 'job_time', failureKind: 'job_failures', errorRate: 0.01 },
    ...{ subject: 'mails', rate: 0.2, ms: 200 },
  },
];

/** Change of one operation at the start of the first alert. */
export interface SimulatedProblem {
  readonly subject: string;
  /** Factor of the durations. */
  readonly factor: number;
}

/**
 * Creates the signals of a service with normal traffic. Its 23 series are durations and failures of operations, jobs of
 * a queue, requests of tenants, and the use of a host. Only the optional problem changes anything.
 *
 * @param afterMs time of the analysis after the first alert, in ms
 */
export function simulateSignals(
  seed: number,
  afterMs: number,
  problem?: SimulatedProblem,
): IncidentSignals {
  const random = createRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const poisson = (mean: number) => {
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = random(); product > limit; product *= random()) count += 1;
    return count;
  };
  const sumDurations = (count: number, ms: number) => {
    if (count > 30) return count * ms * Math.max(0.5, 1 + (1.31 / Math.sqrt(count)) * normal());
    let total = 0;
    for (let i = 0; i < count; i += 1) total += ms * Math.exp(normal() - 0.5);
    return total;
  };
  const load = (ms: number) => 1 + 0.2 * Math.sin((2 * Math.PI * ms) / HOUR_MS);

  function createSeries(fromMs: number, toMs: number, stepMs: number): SignalSeries[] {
    const series = new Map<string, SignalSeries & { points: SignalPoint[] }>();
    const add = (kind: SignalKind, subject: string, point: SignalPoint) => {
      const key = `${kind} ${subject}`;
      const known = series.get(key) ?? { kind, subject, service: 'booking', points: [] };
      series.set(key, known);
      known.points.push(point);
    };
    const minutes = stepMs / MINUTE_MS;
    for (let ms = fromMs; ms < toMs; ms += stepMs) {
      const toMean = (rate: number) => (rate * load(ms) * stepMs) / 1000;
      for (const { timeKind, failureKind, subject, rate, ms: duration, errorRate } of OPERATIONS) {
        const count = poisson(toMean(rate));
        const isChanged = problem?.subject === subject && ms >= STARTED_MS - MINUTE_MS;
        // All operations of an interval share some noise.
        const factor = (1 + 0.05 * normal()) * (isChanged ? problem.factor : 1);
        if (count === 0) continue;
        const total = sumDurations(count, duration * factor);
        add(timeKind, subject, { fromMs: ms, total, weight: count });
        const failed = poisson(count * (errorRate ?? 0));
        if (failureKind) add(failureKind, subject, { fromMs: ms, total: failed, weight: count });
      }
      for (const [tenant, rate] of [['grand/seaside', 2] as const, ['city/port', 0.3] as const]) {
        const total = poisson(toMean(rate));
        if (total > 0) add('requests', tenant, { fromMs: ms, total, weight: minutes });
      }
      add('all_requests', '', { fromMs: ms, total: poisson(toMean(2.6)), weight: minutes });
      for (const kind of ['arrivals', 'finished_jobs'] as const)
        add(kind, 'mails', { fromMs: ms, total: poisson(toMean(0.2)), weight: minutes });
      const samples = stepMs / STEP_MS;
      for (const [kind, mean, deviation] of [
        ['cpu', 45, 12],
        ['memory', 60, 2],
        ['event_loop', 20, 10],
      ] as const) {
        const value = Math.max(1, mean + (deviation / Math.sqrt(samples)) * normal());
        add(kind, 'web-1', { fromMs: ms, total: value * samples, weight: samples });
      }
    }
    return [...series.values()];
  }

  const fromMs = STARTED_MS - BEFORE_MS;
  const range = { fromMs, toMs: STARTED_MS + afterMs };
  const earlierRanges = [
    { fromMs: fromMs - 6 * HOUR_MS, toMs: fromMs },
    { fromMs: fromMs - 24 * HOUR_MS, toMs: fromMs - 23 * HOUR_MS },
  ];
  return {
    recent: createSeries(range.fromMs, range.toMs, STEP_MS),
    ...{ range, startedMs: STARTED_MS, stepMs: STEP_MS },
    earlier: earlierRanges.flatMap((each) => createSeries(each.fromMs, each.toMs, EARLIER_STEP_MS)),
    ...{ earlierRanges, earlierStepMs: EARLIER_STEP_MS },
  };
}
