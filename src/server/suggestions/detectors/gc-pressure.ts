import { MINUTE_MS } from '../../../core/duration.ts';
import { formatBytes, formatPercent } from '../../../core/format.ts';
import type { GaugeFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import { type Detector, toShare } from './detector.ts';

export const GC_METRIC_NAME = 'v8js.gc.duration';
export const HEAP_USED_METRIC_NAME = 'v8js.memory.heap.used';
export const HEAP_LIMIT_METRIC_NAME = 'v8js.memory.heap.limit';

const MIN_ALIVE_MS = 3 * MINUTE_MS;
const MIN_SAMPLES = 3;
/** A healthy process spends 1 % to 3 % of its time in garbage collection. */
const MIN_GC_SHARE = 10;
/** Close to the limit, V8 collects garbage more and more often, and then ends the process. */
const MIN_HEAP_SHARE = 85;

export const gcPressureDetector: Detector = {
  kind: 'gc-pressure',
  title: 'Garbage-collection pressure',
  looksFor:
    'Processes that spend much time in garbage collection, or whose heap is near its limit.',
  minimum:
    'Three minutes of data, with 10 % of the time in garbage collection, or a mean heap of 85 % of its limit. Healthy processes spend 1 % to 3 %.',
  nextStep: 'Find the allocations with a heap profile, or raise the heap limit.',
  detect,
};

interface Process {
  readonly service: string;
  readonly instance: string;
  readonly gcShare: number;
  readonly heapShare: number;
  readonly heapUsed: GaugeFact | undefined;
  readonly heapLimit: number | undefined;
  readonly firstMs: number;
  readonly lastMs: number;
}

function detect(facts: SuggestionFacts): Suggestion[] {
  const groups = Map.groupBy(facts.processes, ({ service, instance }) =>
    JSON.stringify([service, instance]),
  );
  const pressed = [...groups.values()]
    .flatMap((gauges) => toProcess(gauges) ?? [])
    .filter(({ gcShare, heapShare }) => gcShare >= MIN_GC_SHARE || heapShare >= MIN_HEAP_SHARE);
  return [...Map.groupBy(pressed, ({ service }) => service).values()].map((processes) => {
    const worst = processes.reduce((a, b) =>
      b.gcShare + b.heapShare > a.gcShare + a.heapShare ? b : a,
    );
    return toSuggestion(facts, worst, processes.length);
  });
}

function toProcess(gauges: readonly GaugeFact[]): Process | undefined {
  const [first] = gauges;
  if (first === undefined) return undefined;
  const firstMs = Math.min(...gauges.map((gauge) => gauge.firstMs));
  const lastMs = Math.max(...gauges.map((gauge) => gauge.lastMs));
  const aliveMs = lastMs - firstMs;
  const collections = gauges.filter(({ name }) => name === GC_METRIC_NAME);
  const gcMs = collections.reduce((sum, { total }) => sum + total, 0);
  const used = gauges.find(({ name }) => name === HEAP_USED_METRIC_NAME);
  const limit = gauges.find(({ name }) => name === HEAP_LIMIT_METRIC_NAME)?.last;
  const isKnown = aliveMs >= MIN_ALIVE_MS;
  const hasHeap = used !== undefined && used.samples >= MIN_SAMPLES && isKnown;
  return {
    ...{ service: first.service, instance: first.instance, firstMs, lastMs },
    gcShare: isKnown ? (toShare(gcMs, aliveMs) ?? 0) : 0,
    heapShare: hasHeap && limit !== undefined ? (toShare(used.average, limit) ?? 0) : 0,
    heapUsed: used,
    heapLimit: limit,
  };
}

function toSuggestion(facts: SuggestionFacts, process: Process, processes: number): Suggestion {
  const { service, instance, gcShare, heapShare, heapUsed, heapLimit } = process;
  const isNearLimit = heapShare >= MIN_HEAP_SHARE;
  const limitMb = heapLimit === undefined ? undefined : Math.round(heapLimit / 1024 ** 2);
  return createSuggestion({
    ...{ kind: 'gc-pressure', key: [service], service, instance, range: facts.range },
    ...{ firstMs: process.firstMs, lastMs: process.lastMs },
    title: isNearLimit
      ? `The heap of ${service} is ${formatPercent(heapShare)} full`
      : `${service} spends ${formatPercent(gcShare)} of its time in garbage collection`,
    evidence: [
      { label: 'Time in garbage collection', value: gcShare, unit: '%' },
      ...(heapUsed
        ? [{ label: 'Mean used heap', value: heapUsed.average, unit: 'By' as const }]
        : []),
      ...(heapLimit === undefined
        ? []
        : [{ label: 'Heap limit', value: heapLimit, unit: 'By' as const }]),
      { label: 'Processes with this problem', value: processes, unit: '1' },
    ],
    gain: {
      text: `Up to ${formatPercent(gcShare)} of the CPU time of a process${isNearLimit ? ', and no crash for lack of memory' : ''}.`,
      method: 'Sum of the pauses for garbage collection, divided by the time of the process.',
      share: gcShare,
    },
    nextStep: {
      text: isNearLimit
        ? `Check for a memory leak: compare two heap snapshots. If all memory is needed, raise the limit${limitMb === undefined ? '' : ` of ${formatBytes(heapLimit ?? 0)}`}.`
        : 'Record where the code allocates memory, and reuse or stream large objects.',
      code: isNearLimit
        ? `node --heapsnapshot-near-heap-limit=2 server.js\nNODE_OPTIONS=--max-old-space-size=${2 * (limitMb ?? 2048)}`
        : 'node --heap-prof server.js\nNODE_OPTIONS=--max-semi-space-size=64',
    },
    confidence: gcShare >= MIN_GC_SHARE && isNearLimit ? 'high' : 'medium',
    savedMsPerSecond: 10 * gcShare,
  });
}
