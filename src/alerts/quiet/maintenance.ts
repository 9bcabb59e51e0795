import { z } from 'zod';
import { moment, name } from '../../entries/fields.ts';
import { matchersEntry } from '../../entries/matcher.ts';
import { recurrenceEntry } from '../../entries/recurrence.ts';
import type { Silence } from './silence.ts';

/** A maintenance window of a file. */
export const maintenanceEntry = z.strictObject({
  name,
  matchers: matchersEntry,
  startsAt: moment.optional(),
  endsAt: moment.optional(),
  recurrence: recurrenceEntry.optional(),
  author: z.string().default('rules file'),
  comment: z.string().default(''),
  organization: z.string().min(1).optional(),
  property: z.string().min(1).optional(),
});

export function maintenanceOf(entry: z.output<typeof maintenanceEntry>): Silence {
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
