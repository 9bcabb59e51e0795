import { formatDuration, formatPercent } from '../../../core/format.ts';
import { EVENT_LOOP_BLOCK_METRIC_NAME } from '../../../core/suggestion-metrics.ts';
import type { SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import { type Detector, getMean, getSeconds, selectSeries, toShare } from './detector.ts';

/** The first requests after a start compile code, which can block for a short time. */
const MIN_BLOCKS = 10;
/** Rare blocks, such as one large file among many requests, delay few requests. */
const MIN_SHARE = 1;

export const eventLoopBlockDetector: Detector = {
  kind: 'event-loop-block',
  title: 'Event-loop blocks',
  looksFor: 'Endpoints whose code blocks the event loop for at least 50 ms without interruption.',
  minimum:
    '10 blocks, in 1 % of the requests of the endpoint. The first requests after a start compile code, so a few blocks are normal.',
  nextStep: 'Move the computation to a worker thread, or divide it.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  return selectSeries(facts, EVENT_LOOP_BLOCK_METRIC_NAME).flatMap((fact) => {
    if (fact.count < MIN_BLOCKS) return [];
    const { service, endpoint, operation } = fact;
    const requests = facts.requests.find(
      (each) =>
        each.service === service && each.endpoint === endpoint && each.operation === operation,
    );
    const share = requests && toShare(fact.count, requests.count);
    if (share !== undefined && share < MIN_SHARE) return [];
    return [toSuggestion(facts, fact, requests?.count, share)];
  });
}

function toSuggestion(
  facts: SuggestionFacts,
  fact: SeriesFact,
  requests: number | undefined,
  share: number | undefined,
): Suggestion {
  const { service, endpoint, operation, count, total, max, firstMs, lastMs } = fact;
  const mean = getMean(fact);
  const name = [operation, endpoint].filter(Boolean).join(' ') || 'An endpoint';
  const seconds = getSeconds(facts.range);
  return createSuggestion({
    ...{ kind: 'event-loop-block', key: [service, endpoint, operation], service, endpoint },
    ...{ operation, range: facts.range, firstMs, lastMs },
    title: `${name} blocks the event loop for ${formatDuration(mean)}`,
    evidence: [
      { label: 'Blocks of at least 50 ms', value: count, unit: '1' },
      { label: 'Mean block', value: mean, unit: 'ms' },
      { label: 'Longest block', value: max, unit: 'ms' },
      ...(requests === undefined
        ? []
        : [{ label: 'Requests of the endpoint', value: requests, unit: '1' as const }]),
      { label: 'Blocked time', value: total, unit: 'ms' },
    ],
    gain: {
      text: `Other requests of the process wait up to ${formatDuration(max)} less${share === undefined ? '' : `, in ${formatPercent(share)} of the requests of the endpoint`}.`,
      method: 'Duration of the blocks. During a block, the process handles no other request.',
      ms: mean,
      share: toShare(total / 1000, seconds),
    },
    nextStep: {
      text: 'Run the computation in a worker thread, or divide a loop into parts and wait for the event loop between them.',
      code: "import { Piscina } from 'piscina';\nconst pool = new Piscina({ filename: new URL('./compute.js', import.meta.url).href });\nconst result = await pool.run(input);\n\n// Or, in a loop:\nimport { setImmediate } from 'node:timers/promises';\nif (index % 1000 === 0) await setImmediate();",
    },
    confidence: count >= 50 ? 'high' : 'medium',
    savedMsPerSecond: total / seconds,
  });
}
