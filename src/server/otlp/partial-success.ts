import { addCount } from '../../core/maps.ts';
import { explainReason } from '../../core/otel/rows/reason-explanations.ts';
import type { OtlpSignal, PartialSuccess } from './decode/otlp-response.ts';

/** Number of points or spans by reason. */
export type ReasonCounts = ReadonlyMap<string, number>;

/** What happened to the data of one request. */
export interface ExportOutcome {
  /** Number of points or spans that are stored. */
  readonly stored: number;
  /** Invalid data, which is not stored. */
  readonly rejected: ReasonCounts;
  /** Valid data that needs no rows, such as the first value of a cumulative series. */
  readonly ignored: ReasonCounts;
  /** Number of texts of spans that were longer than the limit, so that only their start is stored. */
  readonly shortenedTexts: number;
  /** Why the request contains no data. Undefined if it contains data or is intentionally empty. */
  readonly emptyReason?: string | undefined;
}

const ITEMS: Readonly<Record<OtlpSignal, string>> = { metrics: 'points', traces: 'spans' };

/** Senders can't do anything about the others, and they are normal after a retry. */
const WARNING_REASONS: readonly string[] = ['baseline', 'superseded'];

/**
 * Describes rejected data for the response
 * (https://opentelemetry.io/docs/specs/otlp/#partial-success-1).
 *
 * @returns undefined if all data was accepted and there is no warning
 */
export function toPartialSuccess(
  signal: OtlpSignal,
  { rejected, ignored, emptyReason }: Omit<ExportOutcome, 'shortenedTexts'>,
): PartialSuccess | undefined {
  const items = ITEMS[signal];
  const warnings = [...ignored].filter(([reason]) => WARNING_REASONS.includes(reason));
  const rejectedCount = sumCounts(rejected);
  if (emptyReason !== undefined) return { rejected: 0, message: emptyReason };
  if (rejectedCount === 0 && warnings.length === 0) return undefined;
  const parts = [
    ...(rejectedCount > 0 ? [`Rejected ${items}: ${formatCounts(rejected)}.`] : []),
    ...(warnings.length > 0
      ? [`Accepted ${items} without a value: ${formatCounts(warnings)}.`]
      : []),
  ];
  return { rejected: rejectedCount, message: parts.join(' ') };
}

/** Adds up the counts of all reasons. */
export function sumCounts(counts: Iterable<readonly [string, number]>): number {
  let sum = 0;
  for (const [, count] of counts) sum += count;
  return sum;
}

/** Combines counts, for example from the decoder and from the mapping. */
export function addCounts(...all: readonly ReasonCounts[]): ReasonCounts {
  const sums = new Map<string, number>();
  for (const counts of all) {
    for (const [reason, count] of counts) addCount(sums, reason, count);
  }
  return sums;
}

function formatCounts(counts: Iterable<readonly [string, number]>): string {
  return [...counts]
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${explainReason(reason)}`)
    .join(', ');
}
