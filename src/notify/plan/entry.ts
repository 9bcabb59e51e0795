import { z } from 'zod';
import { ROLES } from '../../access/roles.ts';
import { duration, name } from '../../entries/fields.ts';
import { matchersEntry } from '../../entries/matcher.ts';
import { SEVERITIES } from '../../schema/severity.ts';
import { channelEntry } from './channel-entry.ts';
import { personEntry } from './person.ts';

const clock = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as `08:00`');
const names = z.array(name).min(1).max(100);
const tenant = z.string().min(1).max(512);

const receiver = z.strictObject({
  name,
  to: z
    .strictObject({ roles: z.array(z.enum(ROLES)).optional(), people: names.optional() })
    .optional(),
  channels: z.array(channelEntry).min(1).max(20),
  deadline: duration.optional(),
  limit: z
    .strictObject({ messages: z.int().min(1).max(1_000_000), per: duration.optional() })
    .optional(),
});

export const routeEntry = z.strictObject({
  receivers: names.optional(),
  matchers: matchersEntry.optional(),
  severity: z.array(z.enum(SEVERITIES)).min(1).optional(),
  organization: tenant.optional(),
  property: tenant.optional(),
  activeTimes: names.optional(),
  muteTimes: names.optional(),
  continue: z.boolean().optional(),
  escalation: name.optional(),
  digest: name.optional(),
  routes: z.array(z.unknown()).max(1000).optional(),
});
export type RouteEntry = z.output<typeof routeEntry>;

const level = z.strictObject({
  after: duration,
  receivers: names,
  repeat: duration.optional(),
  times: z.int().min(1).max(1000).optional(),
});

const digest = z
  .strictObject({
    name,
    every: duration.optional(),
    at: z.array(clock).min(1).max(48).optional(),
  })
  .refine(({ every, at }) => (every === undefined) !== (at === undefined), {
    error: 'must have one of `every` and `at`',
  });

const interval = z.strictObject({ name, times: z.array(z.unknown()).min(1).max(50) });

/** A whole file. What stands in `routes` and `times` is looked at apart. */
export const notifyEntry = z.strictObject({
  timeZone: z.string().optional(),
  people: z.array(personEntry).max(10_000).optional(),
  receivers: z.array(receiver).min(1).max(1000).optional(),
  intervals: z.array(interval).max(1000).optional(),
  escalations: z
    .array(z.strictObject({ name, levels: z.array(level).min(1).max(20) }))
    .max(1000)
    .optional(),
  digests: z.array(digest).max(1000).optional(),
  route: z.unknown().optional(),
});
export type NotifyEntry = z.output<typeof notifyEntry>;
