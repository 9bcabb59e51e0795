import { z } from 'zod';
import { type AlertSummary, getMatchLabels, type Suppression } from '../../../core/alerts/alert.ts';
import { nameSchema, timestampSchema } from '../../../core/config-files/config-validation.ts';
import { type Matcher, matchersSchema, matchesAll } from '../../../core/config-files/matcher.ts';
import {
  findOccurrenceEnd,
  type Recurrence,
  recurrenceSchema,
} from '../../../core/config-files/recurrence.ts';

/** Matching alerts aren't sent during a silence. Times are in ms since the epoch. */
export interface Silence {
  readonly id: string;
  readonly kind: 'silenced' | 'maintenance';
  readonly matchers: readonly Matcher[];
  readonly startsMs: number;
  readonly endsMs: number;
  /** Undefined if the silence is active all the time from start to end. */
  readonly recurrence: Recurrence | undefined;
  readonly author: string;
  readonly comment: string;
  /**
   * Organization whose alerts match. If undefined, alerts of all organizations match; only
   * administrators can create these silences.
   */
  readonly organization: string | undefined;
  readonly property: string | undefined;
}

/** Finds a silence for an alert. A silence of one tenant never matches another tenant's alert. */
export function findSilenceSuppression(
  alert: AlertSummary,
  silences: readonly Silence[],
  now: number,
): Suppression | undefined {
  for (const silence of silences) {
    const endMs = getActiveEnd(silence, now);
    if (endMs === undefined) continue;
    if (!isInTenant(silence, alert) || !matchesAll(silence.matchers, getMatchLabels(alert)))
      continue;
    return {
      reason: silence.kind,
      by: silence.id,
      detail: [silence.author, silence.comment].filter((text) => text !== '').join(': '),
      untilMs: Number.isFinite(endMs) ? endMs : undefined,
    };
  }
  return undefined;
}

/** Returns when the silence stops being active, or undefined if it isn't active. */
function getActiveEnd(silence: Silence, now: number): number | undefined {
  const { startsMs, endsMs, recurrence } = silence;
  if (now < startsMs || now >= endsMs) return undefined;
  if (!recurrence) return endsMs;
  const occurrenceEndMs = findOccurrenceEnd(recurrence, now);
  return occurrenceEndMs === undefined ? undefined : Math.min(occurrenceEndMs, endsMs);
}

function isInTenant({ organization, property }: Silence, { labels }: AlertSummary): boolean {
  if (organization !== undefined && labels.organization !== organization) return false;
  return property === undefined || labels.property === property;
}

/** A maintenance window of a rules file. */
export const maintenanceSchema = z
  .strictObject({
    name: nameSchema,
    matchers: matchersSchema,
    startsAt: timestampSchema.optional(),
    endsAt: timestampSchema.optional(),
    recurrence: recurrenceSchema.optional(),
    author: z.string().default('rules file'),
    comment: z.string().default(''),
    organization: z.string().min(1).optional(),
    property: z.string().min(1).optional(),
  })
  .check(({ value, issues }) => {
    const { startsAt = Number.NEGATIVE_INFINITY, endsAt } = value;
    if (endsAt === undefined || endsAt > startsAt) return;
    const message = 'must be after `startsAt`';
    issues.push({ code: 'custom', message, input: value, path: ['endsAt'] });
  });

export function toMaintenanceSilence(entry: z.output<typeof maintenanceSchema>): Silence {
  const { matchers, recurrence, author, comment, organization, property } = entry;
  return {
    id: entry.name,
    kind: 'maintenance',
    matchers,
    recurrence,
    author,
    comment,
    organization,
    property,
    startsMs: entry.startsAt ?? Number.NEGATIVE_INFINITY,
    endsMs: entry.endsAt ?? Number.POSITIVE_INFINITY,
  };
}
