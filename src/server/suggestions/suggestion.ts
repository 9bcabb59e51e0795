import { createHash } from '../../core/lazy-crypto.ts';
import type { TimeRange } from '../../storage/queries/time-range.ts';

/** All kinds of suggestions. Each has one detector, and a section in docs/suggestions.md. */
export const SUGGESTION_KINDS = [
  'n-plus-one',
  'slow-statement',
  'slow-table',
  'missing-limit',
  'pool-too-small',
  'connection-leak',
  'chatty-transaction',
  'too-few-workers',
  'too-many-workers',
  'fails-first',
  'no-backoff',
  'cacheable-results',
  'event-loop-block',
  'gc-pressure',
  'slow-tenant',
] as const;
export type SuggestionKind = (typeof SUGGESTION_KINDS)[number];

export const CONFIDENCES = ['high', 'medium', 'low'] as const;
type Confidence = (typeof CONFIDENCES)[number];

export const EVIDENCE_UNITS = ['1', 'ms', '%', 'By', '1/s'] as const;

/** A number that a reader can check. */
interface EvidenceItem {
  readonly label: string;
  readonly value: number;
  readonly unit: (typeof EVIDENCE_UNITS)[number];
}

/** The expected gain. Numbers are undefined if the stored data doesn't show them. */
interface Gain {
  /** One sentence for people. */
  readonly text: string;
  /** How the gain was computed. */
  readonly method: string;
  /** Mean time per request, job, or execution, in ms. */
  readonly ms?: number | undefined;
  /** Share of the time of the endpoint, the service, or the process, in percent. */
  readonly share?: number | undefined;
}

/** The exact next step. */
interface NextStep {
  readonly text: string;
  /** Code, SQL, or a command to copy. */
  readonly code?: string | undefined;
}

/** A view of the web UI with the data behind the evidence, such as `/endpoint?service=booking`. */
export interface EvidenceLink {
  readonly label: string;
  readonly path: string;
}

/** The objects that a suggestion is about. */
interface SuggestionSubject {
  readonly service?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly operation?: string | undefined;
  readonly statement?: string | undefined;
  readonly table?: string | undefined;
  readonly pool?: string | undefined;
  readonly queue?: string | undefined;
  readonly queueScope?: string | undefined;
  readonly jobType?: string | undefined;
  readonly instance?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

/** One problem, and how to solve it. Times are in ms since the epoch. */
export interface Suggestion extends SuggestionSubject {
  /** Stays the same while the problem continues, and across restarts and servers. */
  readonly id: string;
  readonly kind: SuggestionKind;
  readonly title: string;
  readonly evidence: readonly EvidenceItem[];
  /** Range of the evidence. */
  readonly range: TimeRange;
  /** Times of the first and the last evidence in the range. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly gain: Gain;
  readonly nextStep: NextStep;
  readonly confidence: Confidence;
  readonly links: readonly EvidenceLink[];
  /** Time that the next step could save, in ms per second of the range. Sorts suggestions. */
  readonly savedMsPerSecond: number;
  /** Whether `EXPLAIN` of the statement can show an index. */
  readonly isExplainable: boolean;
}

/** A suggestion without the values that {@link createSuggestion} computes. */
export interface SuggestionDraft
  extends Omit<Suggestion, 'id' | 'links' | 'isExplainable' | 'firstSeenMs' | 'lastSeenMs'> {
  /** Names that identify the problem. They must not contain numbers that change. */
  readonly key: readonly (string | undefined)[];
  readonly links?: readonly EvidenceLink[];
  readonly isExplainable?: boolean;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Completes a suggestion with its ID and links, and limits its times to its range. */
export function createSuggestion(draft: SuggestionDraft): Suggestion {
  const { key, links, isExplainable = false, firstMs, lastMs, savedMsPerSecond, ...rest } = draft;
  const { fromMs, toMs } = draft.range;
  const clamp = (ms: number) => Math.min(toMs, Math.max(fromMs, Number.isFinite(ms) ? ms : toMs));
  return {
    ...rest,
    evidence: draft.evidence.filter(({ value }) => Number.isFinite(value)),
    gain: { ...draft.gain, ms: toFinite(draft.gain.ms), share: toFinite(draft.gain.share) },
    id: computeSuggestionId(draft.kind, key),
    links: links ?? createLinks(draft),
    isExplainable,
    firstSeenMs: clamp(firstMs),
    lastSeenMs: clamp(lastMs),
    savedMsPerSecond: Number.isFinite(savedMsPerSecond) ? Math.max(0, savedMsPerSecond) : 0,
  };
}

function toFinite(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** Returns a stable ID of 16 hexadecimal digits. */
export function computeSuggestionId(
  kind: SuggestionKind,
  key: readonly (string | undefined)[],
): string {
  const text = JSON.stringify([kind, ...key.map((part) => part ?? null)]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Returns links to the views that show the subject. */
function createLinks(subject: SuggestionSubject): EvidenceLink[] {
  const { service, endpoint, operation, statement, pool, queue, queueScope, instance } = subject;
  const { organizationId, propertyId } = subject;
  const tenant = { organizationId, propertyId };
  const links: EvidenceLink[] = [];
  if (endpoint !== undefined) {
    links.push(toLink('Endpoint', '/endpoint', { service, operation, endpoint, ...tenant }));
  }
  if (statement !== undefined) {
    links.push(toLink('Statement', '/statement', { service, statement }));
  }
  if (queue !== undefined) {
    links.push(toLink('Queue', '/queue', { queue, scope: queueScope }));
  }
  if (pool !== undefined) links.push(toLink('Databases', '/databases', { service }));
  if (instance !== undefined) links.push(toLink('Process', '/hosts', { service, instance }));
  if (links.length === 0) links.push(toLink('Service', '/service', { service }));
  return links;
}

/** Creates a link to a view. Undefined parameters are omitted. */
export function toLink(
  label: string,
  view: string,
  parameters: Readonly<Record<string, string | undefined>>,
): EvidenceLink {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, value);
  }
  const text = query.toString();
  return { label, path: text === '' ? view : `${view}?${text}` };
}
