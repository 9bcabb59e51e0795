import { z } from 'zod';
import { durationSchema, nameSchema } from '../../../core/config-files/config-validation.ts';
import { matchersSchema } from '../../../core/config-files/matcher.ts';
import { ROLES } from '../../../core/person-and-roles.ts';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import { validateGrant } from '../../access/principal.ts';
import { emailAddressSchema, phoneNumberSchema } from '../channels/channel-fields.ts';
import { type ChannelConfig, channelConfigSchema } from '../channels/create-channel.ts';
import { inAppConfigSchema } from '../channels/in-app.ts';

const receiverChannelSchema = z.discriminatedUnion('kind', [
  inAppConfigSchema,
  ...channelConfigSchema.options,
]);
export type ReceiverChannel = z.output<typeof inAppConfigSchema> | ChannelConfig;

/**
 * The person's field with the address, by channel kind. Other channel kinds don't use a person's
 * address.
 */
export const ADDRESS_FIELD_BY_CHANNEL: Readonly<Record<string, 'email' | 'phone'>> = {
  email: 'email',
  sms: 'phone',
};

/** ID of an organization or a property. */
const tenantIdSchema = z.string().min(1).max(512);
/** `key:…`, `token:…`, or `local`. */
const userSchema = z
  .string()
  .regex(/^[^\p{C}\s]{1,256}$/u, 'must be a subject such as `token:anna`');

/**
 * A person from the file, the API, or the application. Addresses are validated as strictly as in
 * channels, so that they can't add a header to an email.
 */
export const personSchema = z
  .strictObject({
    name: nameSchema,
    role: z.enum(ROLES),
    organization: tenantIdSchema.optional(),
    properties: z.array(tenantIdSchema).min(1).max(200).optional(),
    email: emailAddressSchema.optional(),
    phone: phoneNumberSchema.optional(),
    user: userSchema.optional(),
  })
  .check((ctx) => {
    const { role, organization: organizationId, properties } = ctx.value;
    const problem = validateGrant({ role, organizationId, properties });
    if (problem === undefined) return;
    const message = `cannot be used here: ${problem}`;
    ctx.issues.push({ code: 'custom', message, input: ctx.value, path: ['role'] });
  });

const clockTimeSchema = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as `08:00`');
const namesSchema = z.array(nameSchema).min(1).max(100);

const limitSchema = z.strictObject({
  messages: z.int().min(1).max(1_000_000),
  per: durationSchema.optional(),
});

const receiverSchema = z.strictObject({
  name: nameSchema,
  to: z
    .strictObject({ roles: z.array(z.enum(ROLES)).optional(), people: namesSchema.optional() })
    .optional(),
  channels: z.array(receiverChannelSchema).min(1).max(20),
  deadline: durationSchema.optional(),
  limit: limitSchema.optional(),
  recipientLimit: limitSchema.optional(),
});

export const routeSchema = z.strictObject({
  receivers: namesSchema.optional(),
  matchers: matchersSchema.optional(),
  severity: z.array(z.enum(ALERT_SEVERITIES)).min(1).optional(),
  organization: tenantIdSchema.optional(),
  property: tenantIdSchema.optional(),
  activeTimes: namesSchema.optional(),
  muteTimes: namesSchema.optional(),
  continue: z.boolean().optional(),
  escalation: nameSchema.optional(),
  digest: nameSchema.optional(),
  routes: z.array(z.unknown()).max(1000).optional(),
});
export type RouteConfig = z.output<typeof routeSchema>;

const escalationLevelSchema = z.strictObject({
  after: durationSchema,
  receivers: namesSchema,
  repeat: durationSchema.optional(),
  times: z.int().min(1).max(1000).optional(),
});

const digestSchema = z
  .strictObject({
    name: nameSchema,
    every: durationSchema.optional(),
    at: z.array(clockTimeSchema).min(1).max(48).optional(),
  })
  .refine(({ every, at }) => (every === undefined) !== (at === undefined), {
    error: 'must have either `every` or `at`',
  });

const intervalSchema = z.strictObject({
  name: nameSchema,
  times: z.array(z.unknown()).min(1).max(50),
});

/** The notification file. `route` and `times` are validated separately. */
export const notificationFileSchema = z.strictObject({
  timeZone: z.string().optional(),
  people: z.array(personSchema).max(10_000).optional(),
  receivers: z.array(receiverSchema).min(1).max(1000).optional(),
  intervals: z.array(intervalSchema).max(1000).optional(),
  escalations: z
    .array(
      z.strictObject({ name: nameSchema, levels: z.array(escalationLevelSchema).min(1).max(20) }),
    )
    .max(1000)
    .optional(),
  digests: z.array(digestSchema).max(1000).optional(),
  route: z.unknown().optional(),
});
export type NotificationFile = z.output<typeof notificationFileSchema>;
