import { formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import { computeNeeded } from '../../actions/scaling/scaling-recommendation.ts';
import type { QueueFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import { type Detector, getSeconds } from './detector.ts';

const MIN_ENDED_JOBS = 50;
/** A shorter wait is normal for bursts. */
const MIN_WAIT_MS = 1000;
const MIN_WAITS_PER_WORK = 2;
/** Above this utilization, waiting times grow without a limit. */
const BUSY_UTILIZATION = 0.8;
const MIN_IDLE_WORKERS = 4;
/** Workers that are needed for failures and for peaks between two measurements. */
const MIN_IDLE_FACTOR = 3;
const MAX_IDLE_WAIT_MS = 100;

/** The default target of the scaling recommendations, with single slots for jobs. */
const TARGET = { waitMs: 60_000, concurrency: 1, min: 1, max: 10_000 } as const;

export const tooFewWorkersDetector: Detector = {
  kind: 'too-few-workers',
  title: 'Queues with too few workers',
  looksFor: 'Queues whose jobs wait because all workers are busy.',
  minimum:
    "50 ended jobs with a mean wait of 1 s and twice the processing time, and 80 % utilization by Little's law. Shorter waits are normal after bursts.",
  nextStep: 'Increase the concurrency of the workers, or start more workers.',
  detect: detectTooFew,
};

export const tooManyWorkersDetector: Detector = {
  kind: 'too-many-workers',
  title: 'Queues with too many workers',
  looksFor: 'Queues with several workers that are almost always idle.',
  minimum:
    '50 ended jobs, 4 workers, and three times the workers that the busiest interval needs. The rest is spare capacity for failures and short peaks.',
  nextStep: 'Stop workers, or use their processes for other queues.',
  detect: detectTooMany,
};

function detectTooFew(facts: SuggestionFacts): Suggestion[] {
  return facts.queues.flatMap((queue) => {
    const { ended, workMs, waitMs = 0, arrivalRate, depth, workers } = queue;
    const capacity = Math.max(workers ?? 0, queue.maxActive);
    if (workMs === undefined || workMs <= 0 || capacity < 1 || ended < MIN_ENDED_JOBS) return [];
    if (waitMs < MIN_WAIT_MS || waitMs < MIN_WAITS_PER_WORK * workMs) return [];
    const busy = (arrivalRate * workMs) / 1000;
    const load = { arrivalRate, processingTime: workMs, backlog: depth };
    const slots = computeNeeded(load, TARGET) ?? 0;
    if (busy / capacity < BUSY_UTILIZATION || slots <= capacity) return [];
    return [toFewSuggestion(facts, queue, { busy, slots, capacity, workMs, waitMs })];
  });
}

function toFewSuggestion(
  facts: SuggestionFacts,
  fact: QueueFact,
  load: {
    readonly busy: number;
    readonly slots: number;
    readonly capacity: number;
    readonly workMs: number;
    readonly waitMs: number;
  },
): Suggestion {
  const { queue, scope, ended, arrivalRate, depth, workers = 1, firstMs, lastMs } = fact;
  const { busy, slots, capacity, workMs, waitMs } = load;
  const concurrency = Math.ceil(slots / Math.max(1, workers));
  return createSuggestion({
    ...{ kind: 'too-few-workers', key: [queue, scope], queue, queueScope: scope },
    ...{ range: facts.range, firstMs, lastMs },
    title: `Jobs in ${queue} wait ${formatDuration(waitMs)}, because the queue has too few workers`,
    evidence: [
      { label: 'Ended jobs', value: ended, unit: '1' },
      { label: 'Arrivals', value: arrivalRate, unit: '1/s' },
      { label: 'Mean processing time', value: workMs, unit: 'ms' },
      { label: 'Mean wait', value: waitMs, unit: 'ms' },
      { label: 'Waiting jobs', value: depth, unit: '1' },
      { label: 'Jobs that run at once', value: capacity, unit: '1' },
      { label: 'Utilization', value: (100 * busy) / capacity, unit: '%' },
    ],
    gain: {
      text: `About ${formatDuration(waitMs)} less wait per job.`,
      method: `Mean wait. By Little's law, ${formatNumber(arrivalRate)} arrivals per second × ${formatDuration(workMs)} keep ${formatNumber(busy)} slots busy. ${slots} slots leave 20 % spare capacity and clear the backlog within a minute.`,
      ms: waitMs,
    },
    nextStep: {
      text: `Run ${slots} jobs at once instead of ${formatNumber(capacity)}. For jobs that use the CPU, start more processes instead of a higher concurrency.`,
      code: `new Worker(${JSON.stringify(queue)}, processor, { connection, concurrency: ${concurrency} });`,
    },
    confidence: ended >= 500 ? 'high' : 'medium',
    savedMsPerSecond: (waitMs * ended) / getSeconds(facts.range) / 10,
  });
}

function detectTooMany(facts: SuggestionFacts): Suggestion[] {
  return facts.queues.flatMap((fact) => {
    const { queue, scope, ended, workMs, waitMs = 0, workers, peakArrivalRate, maxDepth } = fact;
    if (workMs === undefined || workers === undefined || ended < MIN_ENDED_JOBS) return [];
    const load = { arrivalRate: peakArrivalRate, processingTime: workMs, backlog: maxDepth };
    const needed = Math.max(computeNeeded(load, TARGET) ?? 1, fact.maxActive, 1);
    const isIdle = workers >= MIN_IDLE_WORKERS && workers >= MIN_IDLE_FACTOR * needed;
    if (!isIdle || waitMs > MAX_IDLE_WAIT_MS) return [];
    const kept = Math.max(2, needed + 1);
    const utilization = (100 * fact.arrivalRate * workMs) / 1000 / workers;
    return [
      createSuggestion({
        ...{ kind: 'too-many-workers', key: [queue, scope], queue, queueScope: scope },
        ...{ range: facts.range, firstMs: fact.firstMs, lastMs: fact.lastMs },
        title: `${queue} has ${formatNumber(workers)} workers, and needs ${kept}`,
        evidence: [
          { label: 'Ended jobs', value: ended, unit: '1' },
          { label: 'Highest arrivals', value: peakArrivalRate, unit: '1/s' },
          { label: 'Mean processing time', value: workMs, unit: 'ms' },
          { label: 'Mean wait', value: waitMs, unit: 'ms' },
          { label: 'Workers', value: workers, unit: '1' },
          { label: 'Utilization', value: utilization, unit: '%' },
        ],
        gain: {
          text: `${formatNumber(workers - kept)} workers with their connections and memory. They are ${formatPercent(100 - utilization)} idle.`,
          method: `By Little's law, ${formatNumber(peakArrivalRate)} arrivals per second × ${formatDuration(workMs)} need ${needed} workers in the busiest interval, with 20 % spare capacity. One more worker replaces a failed one.`,
        },
        nextStep: {
          text: `Reduce the number of workers from ${formatNumber(workers)} to ${kept}.`,
          code: `const workers = Array.from({ length: ${kept} }, () => new Worker(${JSON.stringify(queue)}, processor, { connection }));`,
        },
        confidence: ended >= 1000 ? 'medium' : 'low',
        savedMsPerSecond: 0,
      }),
    ];
  });
}
