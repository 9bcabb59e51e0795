import { formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import type { JobFact, RetryFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion, toLink } from '../suggestion.ts';
import { type Detector, getSeconds, toShare } from './detector.ts';

const MIN_JOBS = 20;
/** With a smaller share, the first attempt often succeeds, so the errors are random. */
const MIN_FAILS_FIRST_SHARE = 50;
const MIN_RETRIES = 10;
const MIN_AT_ONCE_SHARE = 80;
/** A busy queue delays retries that have no backoff. */
const MAX_GAP_MS = 1000;
const MAX_ERROR_LENGTH = 120;

export const failsFirstDetector: Detector = {
  kind: 'fails-first',
  title: 'Jobs that always fail first',
  looksFor: 'Jobs whose first attempt fails, and whose later attempt succeeds.',
  minimum:
    '20 jobs that completed after a failed attempt, and half of all completed jobs. Random errors affect fewer jobs.',
  nextStep: 'Start the job when its data is complete.',
  detect: detectFailsFirst,
};

export const noBackoffDetector: Detector = {
  kind: 'no-backoff',
  title: 'Retries without backoff',
  looksFor: 'Failed jobs that are retried at once, while the cause still exists.',
  minimum:
    '10 retries, 80 % of them without a delay, and a median of less than 1 s until the next attempt. Few retries cause no load.',
  nextStep: 'Set an exponential backoff.',
  detect: detectNoBackoff,
};

function detectFailsFirst(facts: SuggestionFacts): Suggestion[] {
  return facts.jobs.flatMap((fact) => {
    const { queue, scope, jobType, service, completed, completedAfterRetry, failedFirst } = fact;
    const share = toShare(completedAfterRetry, completed) ?? 0;
    const isEnough = completedAfterRetry >= MIN_JOBS && failedFirst >= MIN_JOBS;
    if (!isEnough || share < MIN_FAILS_FIRST_SHARE) return [];
    const retries = selectRetries(facts, fact).filter(({ isFirst }) => isFirst);
    const gap = findMedian(retries.map(({ gapMs }) => gapMs)) ?? 0;
    const error = findMostFrequent(retries.flatMap(({ error: text }) => text ?? []));
    const lost = fact.failedFirstMs + gap;
    return [
      createSuggestion({
        ...{ kind: 'fails-first', key: [queue, scope, jobType], queue, queueScope: scope },
        ...{ jobType, service, range: facts.range, firstMs: fact.firstMs, lastMs: fact.lastMs },
        title:
          `${formatPercent(share)} of the jobs ${jobType ?? ''} in ${queue} fail at the first attempt`.replace(
            '  ',
            ' ',
          ),
        evidence: [
          { label: 'Completed jobs', value: completed, unit: '1' },
          { label: 'Completed after a failed attempt', value: completedAfterRetry, unit: '1' },
          { label: 'Share of completed jobs', value: share, unit: '%' },
          {
            label: 'Mean duration of failed first attempts',
            value: fact.failedFirstMs,
            unit: 'ms',
          },
          ...(retries.length > 0
            ? [{ label: 'Median time until the retry', value: gap, unit: 'ms' as const }]
            : []),
        ],
        gain: {
          text: `About ${formatDuration(lost)} per job, and ${formatNumber(failedFirst)} failed attempts in the range.`,
          method: 'Mean duration of the failed first attempt, and the median time until the retry.',
          ms: lost,
        },
        nextStep: {
          text: `Find the cause of the first failure${error === undefined ? '' : `: “${error}”`}. Often, the job starts before the transaction with its data has been committed. Add the job after the commit.`,
          code: 'await transaction.commit();\nawait queue.add(name, data); // after the commit\n// If another system needs time: await queue.add(name, data, { delay: 2000 });',
        },
        confidence: share >= 90 ? 'high' : 'medium',
        savedMsPerSecond: (lost * completedAfterRetry) / getSeconds(facts.range),
        links: createJobLinks(fact),
      }),
    ];
  });
}

function detectNoBackoff(facts: SuggestionFacts): Suggestion[] {
  return facts.jobs.flatMap((fact) => {
    const { queue, scope, jobType, service, retriedAtOnce, retriedLater } = fact;
    const total = retriedAtOnce + retriedLater;
    const share = toShare(retriedAtOnce, total) ?? 0;
    if (total < MIN_RETRIES || share < MIN_AT_ONCE_SHARE) return [];
    const gap = findMedian(selectRetries(facts, fact).map(({ gapMs }) => gapMs));
    if (gap !== undefined && gap >= MAX_GAP_MS) return [];
    return [
      createSuggestion({
        ...{ kind: 'no-backoff', key: [queue, scope, jobType], queue, queueScope: scope },
        ...{ jobType, service, range: facts.range, firstMs: fact.firstMs, lastMs: fact.lastMs },
        title: `Failed jobs ${jobType ?? ''} in ${queue} are retried without backoff`.replace(
          '  ',
          ' ',
        ),
        evidence: [
          { label: 'Retries', value: total, unit: '1' },
          { label: 'Retries without a delay', value: retriedAtOnce, unit: '1' },
          { label: 'Share of all retries', value: share, unit: '%' },
          ...(gap === undefined
            ? []
            : [{ label: 'Median time until the next attempt', value: gap, unit: 'ms' as const }]),
        ],
        gain: {
          text: `Fewer repeated failures: ${formatNumber(retriedAtOnce)} retries started while the cause could still exist.`,
          method: 'Number of retries without a delay. The time that a backoff saves is unknown.',
        },
        nextStep: {
          text: 'Set an exponential backoff, so that a failed system can recover before the next attempt.',
          code: "await queue.add(name, data, {\n  attempts: 5,\n  backoff: { type: 'exponential', delay: 1000 },\n});",
        },
        confidence: total >= 50 && gap !== undefined ? 'high' : 'medium',
        savedMsPerSecond: 0,
        links: createJobLinks(fact),
      }),
    ];
  });
}

function selectRetries({ retries }: SuggestionFacts, job: JobFact): RetryFact[] {
  return retries.filter(
    ({ queue, scope, jobType }) =>
      queue === job.queue && scope === job.scope && jobType === job.jobType,
  );
}

function findMedian(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

function findMostFrequent(texts: readonly string[]): string | undefined {
  const groups = [...Map.groupBy(texts, (text) => text)];
  const [first] = groups.sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  return first?.[0].slice(0, MAX_ERROR_LENGTH);
}

function createJobLinks({ queue, scope }: JobFact) {
  return [toLink('Queue', '/queue', { queue, scope })];
}
