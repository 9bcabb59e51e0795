import { MINUTE_MS } from '../../../../core/duration.ts';
import type { TimeRange } from '../../../../storage/queries/time-range.ts';
import type { Cause, CauseKind } from './cause.ts';
import { CAUSE_DEFINITIONS, formatCauseValue } from './cause-definitions.ts';
import {
  compareWithEarlierHours,
  formatEvidence,
  formatNewSubject,
  isUnusual,
} from './earlier-hours.ts';
import {
  fillBuckets,
  findOnset,
  listOnsets,
  type Onset,
  omitPartialBucket,
  sum,
  toMean,
} from './find-onset.ts';
import { type IncidentSignals, RATE_KINDS, toPoints } from './incident-signals.ts';
import { isBeyondNoise } from './onset-significance.ts';
import type { SignalKind, SignalPoint, SignalSeries } from './read-signals.ts';
import { formatTopProcess } from './top-process.ts';
import { growsMoreThanTraffic, hasWaitingJobs } from './traffic-growth.ts';

const MAX_CAUSES = 6;
/** Causes of one kind with a smaller share of the kind's change aren't listed. */
const MIN_SHARE = 0.2;
/** Durations that a process measures are also longer while its event loop is blocked. */
const MEASURED_KINDS: ReadonlySet<SignalKind> = new Set([
  'statement_time',
  'call_time',
  'connection_wait',
  'job_time',
  'endpoint_time',
]);
/** Causes whose onsets are closer than this started together. */
const SAME_ONSET_MS = MINUTE_MS;
/** A change this long after the start of the first alert didn't lead to this alert. */
const MAX_LATE_MS = MINUTE_MS;
/** Rank of changes after the first alert. */
const LATE_RANK = 10;
/** Rank of durations that are long only because the event loop is blocked. */
const BLOCKED_RANK = 5.5;

interface Candidate {
  readonly cause: Cause;
  readonly rank: number;
  /** Size of the change in doublings, from 0 to 10. */
  readonly size: number;
  /** Additional time, failures, or events since the onset. Comparable only within one kind. */
  readonly impact: number;
  /** Whether the subject had no measurements before. */
  readonly isNew: boolean;
}

type SeriesKind = keyof typeof CAUSE_DEFINITIONS;

/**
 * Returns the changes that probably led to an incident. They are sorted by their place in the chain of effects, then
 * by their onset, and then by their size. Changes after the start of the first alert are last. Changes that are usual in
 * earlier hours are omitted.
 */
export function rankCauses(given: IncidentSignals): Cause[] {
  const signals = { ...given, range: toMeasuredRange(given) };
  const candidates = omitUnprovenNew(
    signals.recent.flatMap((series) => toCandidates(series, signals)),
    signals,
  );
  const blocked = new Map(
    candidates
      .filter(({ cause }) => cause.kind === 'event_loop')
      .map(({ cause }) => [cause.service, cause.onsetMs]),
  );
  const ranked = candidates.map((candidate) => {
    const { kind, service, onsetMs } = candidate.cause;
    const blockedMs = blocked.get(service);
    if (onsetMs > given.startedMs + MAX_LATE_MS) return { ...candidate, rank: LATE_RANK };
    const isSymptom =
      MEASURED_KINDS.has(kind as SignalKind) &&
      blockedMs !== undefined &&
      blockedMs <= onsetMs + SAME_ONSET_MS;
    return isSymptom ? { ...candidate, rank: BLOCKED_RANK } : candidate;
  });
  const important = selectImportant(ranked);
  const firstMs = Math.min(...important.map(({ cause }) => cause.onsetMs));
  return important
    .sort((a, b) => compareCandidates(a, b, firstMs))
    .slice(0, MAX_CAUSES)
    .map(({ cause }) => cause);
}

/**
 * Returns the part of the range in which anything was measured. A rate of zero before the first measurement means
 * nothing. The first bucket is omitted, because it is incomplete.
 */
function toMeasuredRange({ recent, range, stepMs, earlier }: IncidentSignals): TimeRange {
  if (earlier.length > 0) return range;
  const firstMs = Math.min(...recent.flatMap(({ points }) => points[0]?.fromMs ?? []));
  return { ...range, fromMs: Math.max(range.fromMs, firstMs + stepMs) };
}

/**
 * Omits new operations unless requests or jobs became slower too. After the start of a service, every operation is
 * new, and some are always slow.
 */
function omitUnprovenNew(
  candidates: readonly Candidate[],
  { recent }: IncidentSignals,
): readonly Candidate[] {
  const isEffect = ({ kind }: { readonly kind: SignalKind | CauseKind }) =>
    kind === 'endpoint_time' || kind === 'job_time';
  const hasSlower = candidates.some(({ cause, isNew }) => isEffect(cause) && !isNew);
  if (hasSlower || !recent.some(isEffect)) return candidates;
  return candidates.filter(
    ({ cause, isNew }) =>
      !isNew || isEffect(cause) || !MEASURED_KINDS.has(cause.kind as SignalKind),
  );
}

/** Omits causes that are a small part of the change of their kind, unless all causes of the kind are. */
function selectImportant(candidates: readonly Candidate[]): Candidate[] {
  return [...Map.groupBy(candidates, ({ cause }) => cause.kind).values()].flatMap((ofKind) => {
    const total = ofKind.reduce((all, { impact }) => all + impact, 0);
    const important = ofKind.filter(({ impact }) => impact >= MIN_SHARE * total);
    // Many equal changes are all a small part.
    return important.length > 0
      ? important
      : [ofKind.reduce((a, b) => (b.impact > a.impact ? b : a))];
  });
}

/** @param firstMs onset of the earliest cause */
function compareCandidates(a: Candidate, b: Candidate, firstMs: number): number {
  const toSlot = ({ cause }: Candidate) => Math.floor((cause.onsetMs - firstMs) / SAME_ONSET_MS);
  return (
    a.rank - b.rank ||
    toSlot(a) - toSlot(b) ||
    b.size - a.size ||
    b.impact - a.impact ||
    (a.cause.text < b.cause.text ? -1 : 1)
  );
}

function toCandidates(series: SignalSeries, signals: IncidentSignals): Candidate[] {
  const { kind } = series;
  if (kind === 'all_requests' || kind === 'process_cpu') return [];
  if (kind === 'finished_jobs') {
    const candidate = createCandidate('stuck_queue', series, signals, 'down');
    return candidate && hasWaitingJobs(series, candidate.cause.onsetMs, signals) ? [candidate] : [];
  }
  const candidate = createCandidate(kind, series, signals, 'up');
  if (candidate === undefined || !growsMoreThanTraffic(series, candidate.cause.onsetMs, signals))
    return [];
  return [candidate];
}

function createCandidate(
  kind: SeriesKind,
  series: SignalSeries,
  signals: IncidentSignals,
  direction: 'up' | 'down',
): Candidate | undefined {
  const definition = CAUSE_DEFINITIONS[kind];
  const points = toPoints(series, signals);
  const isRelevant = (each: Onset | undefined) => each !== undefined && definition.isRelevant(each);
  const found = RATE_KINDS.has(series.kind)
    ? // A rate that rises slowly has no partial bucket.
      [findOnset(points, direction)]
    : listOnsets(points, direction)
        .filter((each) => isBeyondNoise(kind, points, each))
        .map((each) => omitPartialBucket(points, each));
  const onset = [...found, findNewSubject(points, series, signals)]
    .map((each) => toPercent(each, definition.unit, series))
    .find(isRelevant);
  if (onset === undefined) return undefined;
  const earlier = compareWithEarlierHours(
    onset.now,
    toEarlierPoints(series, definition.unit, signals),
    direction,
  );
  if (!isUnusual(earlier)) return undefined;
  const { unit } = definition;
  const { subject } = series;
  const evidence =
    earlier.hours === 0
      ? formatNewSubject(countEarlierHours(series, signals))
      : formatEvidence(earlier, (value) => formatCauseValue(value, unit), direction);
  return {
    isNew: onset.beforeWeight === 0,
    rank: definition.rank,
    size: computeSize(onset),
    impact: Math.abs(onset.now - onset.before) * onset.nowWeight,
    cause: {
      kind: kind as CauseKind,
      subject,
      service: isQueueKind(kind) ? undefined : series.service,
      text:
        definition.format(subject, onset) +
        (kind === 'cpu' ? formatTopProcess(subject, onset, signals.recent) : ''),
      onsetMs: onset.atMs,
      before: onset.before,
      now: onset.now,
      unit,
      evidence,
    },
  };
}

/** A subject is new if its first measurement is at least this much later than the first of all measurements. */
const MIN_NEW_MS = 10_000;

/** Returns the onset of a subject that had no measurements before, such as a new statement. */
function findNewSubject(
  points: readonly SignalPoint[],
  { kind, subject, service }: SignalSeries,
  { range, earlier }: IncidentSignals,
): Onset | undefined {
  const [first] = points;
  const isKnown = earlier.some(
    (each) => each.kind === kind && each.subject === subject && each.service === service,
  );
  if (first === undefined || isKnown || RATE_KINDS.has(kind)) return undefined;
  if (first.fromMs - range.fromMs < MIN_NEW_MS) return undefined;
  const { total, weight } = sum(points);
  const now = toMean({ total, weight });
  return {
    atMs: first.fromMs,
    before: 0,
    now,
    beforeWeight: 0,
    nowWeight: weight,
    nowTotal: total,
  };
}

/** Returns the number of earlier hours in which other subjects of the same kind had measurements. */
function countEarlierHours({ kind }: SignalSeries, { earlier }: IncidentSignals): number {
  const points = earlier.filter((each) => each.kind === kind).flatMap((each) => each.points);
  return compareWithEarlierHours(0, points).hours;
}

/** The service of a queue's series is the scope of the queue. */
function isQueueKind(kind: SeriesKind): boolean {
  return ['arrivals', 'stuck_queue', 'job_failures', 'job_time'].includes(kind);
}

/** Returns the size of a change in doublings. A change from or to zero has the size 10. */
function computeSize({ before, now }: Onset): number {
  const [low, high] = now > before ? [before, now] : [now, before];
  return low <= 0 ? 10 : Math.min(10, Math.log2(high / low));
}

/** Shares of failures are stored as 0 to 1. Samples of CPU and memory already are percentages. */
function isShare(kind: SignalKind): boolean {
  return ['errors', 'failed_calls', 'job_failures'].includes(kind);
}

function toPercent(
  onset: Onset | undefined,
  unit: string,
  { kind }: SignalSeries,
): Onset | undefined {
  if (onset === undefined || unit !== '%' || !isShare(kind)) return onset;
  const { before, now, nowTotal } = onset;
  return { ...onset, before: 100 * before, now: 100 * now, nowTotal: 100 * nowTotal };
}

function toEarlierPoints(
  { kind, subject, service }: SignalSeries,
  unit: string,
  { earlier, earlierRanges, earlierStepMs }: IncidentSignals,
): SignalPoint[] {
  const points = earlier
    .filter((each) => each.kind === kind && each.subject === subject && each.service === service)
    .flatMap((each) => each.points);
  if (points.length === 0) return [];
  const filled = RATE_KINDS.has(kind)
    ? earlierRanges.flatMap((range) => {
        const inRange = points.filter(
          ({ fromMs }) => fromMs >= range.fromMs && fromMs < range.toMs,
        );
        // Before its first job, a queue didn't exist.
        const [first] = inRange;
        if (first === undefined) return [];
        return fillBuckets(inRange, { ...range, fromMs: first.fromMs }, earlierStepMs);
      })
    : points;
  if (unit !== '%' || !isShare(kind)) return filled;
  return filled.map((point) => ({ ...point, total: 100 * point.total }));
}
