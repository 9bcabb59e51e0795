import { allMatch, type Matcher } from '../../entries/matcher.ts';
import { occurrence, type Recurrence } from '../../entries/recurrence.ts';
import { type Held, matchable, type QuietAlert } from './held.ts';

/** Alerts that match are not told for a time. Times in ms since the epoch. */
export interface Silence {
  readonly id: string;
  readonly kind: 'silenced' | 'maintenance';
  readonly matchers: readonly Matcher[];
  readonly startsMs: number;
  readonly endsMs: number;
  /** Undefined: all the time from start to end. */
  readonly recurrence: Recurrence | undefined;
  readonly author: string;
  readonly comment: string;
  /** Whose alerts it reaches. Undefined: everybody's, which an administrator's may. */
  readonly organization: string | undefined;
  readonly property: string | undefined;
}

/** What silences an alert now. A silence of one tenant never reaches an alert of another. */
export function silencedBy(
  alert: QuietAlert,
  silences: readonly Silence[],
  now: number,
): Held | undefined {
  for (const silence of silences) {
    const [beginMs, endMs] = activeSpan(silence, now) ?? [];
    if (beginMs === undefined || endMs === undefined) continue;
    if (!reaches(silence, alert) || !allMatch(silence.matchers, matchable(alert))) continue;
    return {
      reason: silence.kind,
      by: silence.id,
      detail: [silence.author, silence.comment].filter((text) => text !== '').join(': '),
      untilMs: Number.isFinite(endMs) ? endMs : undefined,
    };
  }
  return undefined;
}

function activeSpan(silence: Silence, now: number): [number, number] | undefined {
  const { startsMs, endsMs, recurrence } = silence;
  if (now < startsMs || now >= endsMs) return undefined;
  if (!recurrence) return [startsMs, endsMs];
  const span = occurrence(recurrence, now);
  return span && [Math.max(span[0], startsMs), Math.min(span[1], endsMs)];
}

function reaches({ organization, property }: Silence, { labels }: QuietAlert): boolean {
  if (organization !== undefined && labels.organization !== organization) return false;
  return property === undefined || labels.property === property;
}
