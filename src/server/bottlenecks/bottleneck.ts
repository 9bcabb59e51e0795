import { formatDuration, formatPercent } from '../../core/format.ts';
import type { BreakdownStats } from '../../storage/queries/request-breakdowns.ts';
import {
  REQUEST_PARTS,
  type RequestPartDefinition,
  type RequestPartName,
} from './request-part-table.ts';

/** The statement, host, queue, or pool with most of the time of a part, in the kept requests. */
export interface LimitingOperation {
  readonly name: string;
  /** Share of the part's time in the kept requests, in percent. */
  readonly share: number;
  /** Number of kept requests with the part. */
  readonly samples: number;
}

/** The part of a group of requests that accounts for most of their duration. Times are means per request in ms. */
export interface Bottleneck {
  readonly part: RequestPartName | 'unclear';
  /** One sentence, such as ``Limited by the database: 82 % of 340 ms, mostly `SELECT name FROM rooms`.`` */
  readonly text: string;
  /** Number of requests. */
  readonly requests: number;
  /** Mean duration of the requests. Undefined without requests. */
  readonly duration: number | undefined;
  /** Mean time of the part. Undefined if the bottleneck is unclear. */
  readonly time: number | undefined;
  /** Share of the part, in percent. Undefined if the bottleneck is unclear. */
  readonly share: number | undefined;
  /** Undefined if no kept request shows the operations, or none of them dominates. */
  readonly operation: LimitingOperation | undefined;
}

/** The requests of a group. Times are in ms. */
export interface MeasuredRequests extends Partial<BreakdownStats> {
  readonly count: number;
  readonly average: number | undefined;
}

/** With fewer requests, one slow request decides the result. */
export const MIN_BOTTLENECK_REQUESTS = 20;
/** No other part can be larger than a part with half of the time. */
const DOMINANT_SHARE = 50;
/** A smaller part is also a bottleneck if the second part is clearly smaller. */
const MIN_SHARE = 40;
const MIN_LEAD = 1.5;
/** An operation with a smaller share of the part isn't its cause. */
const MIN_OPERATION_SHARE = 50;
const MAX_OPERATION_LENGTH = 120;

/**
 * Finds the part that limits requests: the part whose removal would reduce the mean duration most. The result is
 * `unclear` if no part dominates, if there are fewer than 20 requests, or if they have no breakdown. Never throws.
 *
 * @param findOperation returns the operation with most of a part's time, if it is known
 */
export function findBottleneck(
  requests: MeasuredRequests,
  findOperation: (part: RequestPartDefinition) => LimitingOperation | undefined = () => undefined,
): Bottleneck {
  const { count, average } = requests;
  const base = { requests: count, duration: toFinite(average) };
  const unclear = (text: string): Bottleneck => ({
    ...base,
    ...{ part: 'unclear', text, time: undefined, share: undefined, operation: undefined },
  });
  if (count < MIN_BOTTLENECK_REQUESTS || base.duration === undefined) {
    const noun = count === 1 ? 'request' : 'requests';
    return unclear(
      `Unclear: ${count} ${noun}, and at least ${MIN_BOTTLENECK_REQUESTS} are needed.`,
    );
  }
  const parts = REQUEST_PARTS.map((part) => ({
    part,
    time: Math.max(0, toFinite(requests[part.field]) ?? 0),
    share: Math.max(0, toFinite(requests[part.share]) ?? 0),
  })).sort((a, b) => b.share - a.share);
  const [first, second] = parts;
  if (first === undefined || second === undefined || first.share <= 0) {
    return unclear('Unclear: the requests have no breakdown of their time.');
  }
  const isDominant =
    first.share >= DOMINANT_SHARE ||
    (first.share >= MIN_SHARE && first.share >= MIN_LEAD * second.share);
  if (!isDominant) {
    const names = [first, second].map(({ part, share }) => `${part.name} ${formatPercent(share)}`);
    return unclear(
      `Unclear: no part dominates (${names.join(', ')} of ${formatDuration(base.duration)}).`,
    );
  }
  const found = findOperation(first.part);
  const operation = found && found.share >= MIN_OPERATION_SHARE ? found : undefined;
  const mostly = operation ? `, mostly \`${shorten(operation.name)}\`` : '';
  const size = `${formatPercent(first.share)} of ${formatDuration(base.duration)}`;
  return {
    ...base,
    part: first.part.id,
    text: `Limited by ${first.part.limit}: ${size}${mostly}.`,
    time: first.time,
    share: first.share,
    operation,
  };
}

/** Shortens the name of an operation for a sentence. */
function shorten(name: string, maxLength = MAX_OPERATION_LENGTH): string {
  return name.length > maxLength ? `${name.slice(0, maxLength)}…` : name;
}

function toFinite(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}
