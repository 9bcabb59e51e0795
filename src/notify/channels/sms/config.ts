import { z } from 'zod';
import { checkUrls, network, phoneNumber, secretFile, webUrl } from '../fields.ts';

const SID = '32 hexadecimal digits';

export const smsConfig = z
  .strictObject({
    kind: z.literal('sms'),
    provider: z.literal('twilio').default('twilio'),
    accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/, `must be \`AC\` and ${SID}`),
    /** Holds the account's auth token. */
    tokenFile: secretFile,
    from: phoneNumber.optional(),
    /** Instead of `from`: the service chooses the number. */
    messagingServiceSid: z
      .string()
      .regex(/^MG[0-9a-fA-F]{32}$/, `must be \`MG\` and ${SID}`)
      .optional(),
    to: z.array(phoneNumber).min(1).max(20).optional(),
    url: webUrl.default('https://api.twilio.com'),
    ...network,
  })
  .refine(
    ({ from, messagingServiceSid: service }) => (from === undefined) !== (service === undefined),
    { error: 'needs either `from` or `messagingServiceSid`', path: ['from'] },
  )
  .superRefine(checkUrls);

export type SmsConfig = z.output<typeof smsConfig>;
