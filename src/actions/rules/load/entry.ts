import { z } from 'zod';
import { duration, name } from '../../../entries/fields.ts';
import { GROUPINGS } from '../rule.ts';
import { factEntry } from './condition.ts';

const names = z.array(z.string().min(1)).min(1);
const positive = z.number().positive();

const limits = z.strictObject({
  min: z.number(),
  max: z.number(),
  step: positive.optional(),
  round: positive.default(0.01),
  changes: z.int().min(1).default(12),
  per: duration.default(3_600_000),
});

/** A value that follows a fact. */
export const followEntry = z.strictObject({
  ...factEntry,
  times: z.number().default(1),
  plus: z.number().default(0),
});

/** One rule as the file says it; conditions and the value are read by themselves. */
export const ruleEntry = z.strictObject({
  name,
  event: name.optional(),
  setting: name,
  per: z.enum(GROUPINGS).default('property'),
  only: z
    .strictObject({
      organization: names.optional(),
      property: names.optional(),
      environment: names.optional(),
    })
    .default({}),
  window: duration.default(300_000),
  when: z.unknown(),
  until: z.unknown().optional(),
  value: z.unknown(),
  default: z.number(),
  limits,
  coolDown: duration.default(60_000),
  expiresAfter: duration.default(900_000),
  dryRun: z.boolean().default(false),
  webhooks: z.array(name).default([]),
});
export type RuleEntry = z.output<typeof ruleEntry>;

/** Where decisions are posted to, signed with what is in `secretFile`. */
export const webhookEntry = z.strictObject({
  name,
  url: z.url({ protocol: /^https?$/, error: 'must be a URL that begins with https:// or http://' }),
  secretFile: z.string().min(1).max(4096),
  allowHttp: z.boolean().default(false),
  allowPrivate: z.union([z.boolean(), z.array(z.string())]).default(false),
  caFile: z.string().min(1).max(4096).optional(),
});
export type WebhookEntry = z.output<typeof webhookEntry>;

export const fileEntry = z.strictObject({
  interval: duration.default(10_000),
  webhooks: z.array(z.unknown()).default([]),
  rules: z.array(z.unknown()).default([]),
});
