import { z } from 'zod';
import { formatTitle, normalizeHttpUrl } from '../message/message-content.ts';
import { toSingleLine, truncateText } from '../message/sanitize-text.ts';
import { deliverByHttp } from '../outgoing-http/http-delivery.ts';
import type { Channel, ChannelOptions, DeliveryOutcome, Message } from './channel.ts';
import {
  checkUrlsAllowed,
  httpUrlSchema,
  networkFields,
  phoneNumberSchema,
  secretFileSchema,
} from './channel-fields.ts';
import { maskPhoneNumber, RecipientTracker } from './channel-recipients.ts';
import { readCertificates, readSecret } from './secret-file.ts';

const SID_FORMAT = '32 hexadecimal digits';

export const smsConfigSchema = z
  .strictObject({
    kind: z.literal('sms'),
    provider: z.literal('twilio').default('twilio'),
    accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/, `must be \`AC\` followed by ${SID_FORMAT}`),
    /** File that contains the account's auth token. */
    tokenFile: secretFileSchema,
    from: phoneNumberSchema.optional(),
    /** Alternative to `from`: Twilio chooses the sender's number from this service. */
    messagingServiceSid: z
      .string()
      .regex(/^MG[0-9a-fA-F]{32}$/, `must be \`MG\` followed by ${SID_FORMAT}`)
      .optional(),
    to: z.array(phoneNumberSchema).min(1).max(20).optional(),
    url: httpUrlSchema.default('https://api.twilio.com'),
    ...networkFields,
  })
  .refine(
    ({ from, messagingServiceSid: service }) => (from === undefined) !== (service === undefined),
    { error: 'exactly one of `from` and `messagingServiceSid` must be set', path: ['from'] },
  )
  .superRefine(checkUrlsAllowed);

type SmsConfig = z.output<typeof smsConfigSchema>;

/** Creates a channel for text messages. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
export function createSmsChannel(config: SmsConfig, options: ChannelOptions): Channel {
  const recipients = new RecipientTracker('sms', options.to ?? config.to, phoneNumberSchema);
  const provider = createTwilioProvider(config, options);
  return {
    kind: 'sms',
    recipient: recipients.all.map(maskPhoneNumber).join(', '),
    deliver: async (message, signal) => {
      const text = formatSms(message);
      const failed: Exclude<DeliveryOutcome, { status: 'delivered' }>[] = [];
      for (const to of recipients.getRemaining(message.id)) {
        const outcome = await provider.send(to, text, signal);
        if (outcome.status === 'delivered') recipients.markReached(message.id, [to]);
        else failed.push(outcome);
      }
      const retryable = failed.find(({ status }) => status === 'retryable');
      if (retryable) return retryable;
      const [first] = failed;
      if (first === undefined) return { status: 'delivered' };
      // All failures are permanent. If at least one recipient has the message, don't send it again.
      if (failed.length === recipients.all.length) return first;
      return { status: 'delivered', detail: first.reason };
    },
  };
}

/** Characters of GSM 03.38 that take one septet each. */
const GSM7_ALPHABET =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Characters that take two septets each. */
const GSM7_EXTENDED = '^{}\\[~]|€';
/** Capacity of two concatenated segments: 2 × 153 septets, or 2 × 67 UTF-16 units. */
const MAX_SEPTETS = 306;
const MAX_UTF16_UNITS = 134;

/** Formats a message as an SMS of at most two segments. The link is omitted if it doesn't fit. */
export function formatSms(message: Message): string {
  const { annotations, links } = message.alerts[0]!;
  const summary = annotations.summary ? ` ${annotations.summary}` : '';
  // Remove brackets, because each takes two septets.
  const title = formatTitle(message).replaceAll('[', '').replaceAll(']', '');
  const text = truncateToFit(toSingleLine(`${title}${summary}`, 1000));
  const link = normalizeHttpUrl(links.acknowledge) ?? normalizeHttpUrl(links.view);
  const withLink = `${text} ${link}`;
  return link !== undefined && fitsTwoSegments(withLink) ? withLink : text;
}

function truncateToFit(text: string): string {
  if (fitsTwoSegments(text)) return text;
  let truncated = truncateText(text, MAX_SEPTETS, '...');
  while (!fitsTwoSegments(truncated)) truncated = truncateText(text, truncated.length - 1, '...');
  return truncated;
}

function fitsTwoSegments(text: string): boolean {
  const septets = countSeptets(text);
  return septets === undefined ? text.length <= MAX_UTF16_UNITS : septets <= MAX_SEPTETS;
}

/**
 * Returns the length in septets, or `undefined` if a character is not in the GSM alphabet. In that
 * case, the whole text is sent as UCS-2.
 */
export function countSeptets(text: string): number | undefined {
  let septets = 0;
  for (const character of text) {
    if (GSM7_ALPHABET.includes(character)) septets += 1;
    else if (GSM7_EXTENDED.includes(character)) septets += 2;
    else return undefined;
  }
  return septets;
}

interface SmsProvider {
  /** Makes one attempt to send `text` to a number in E.164 format. Never rejects. */
  send(to: string, text: string, signal: AbortSignal): Promise<DeliveryOutcome>;
}

/**
 * Creates a client of Twilio's Messages resource
 * (https://www.twilio.com/docs/messaging/api/message-resource). Only the HTTP status decides whether
 * a failure can be retried, as Twilio recommends.
 *
 * @throws PS_CHANNEL_SECRET
 */
function createTwilioProvider(config: SmsConfig, { now = Date.now }: ChannelOptions): SmsProvider {
  const { accountSid, from, messagingServiceSid } = config;
  const token = readSecret(config.tokenFile);
  const ca = readCertificates(config.caFile);
  const url = new URL(`/2010-04-01/Accounts/${accountSid}/Messages.json`, config.url);
  const pair = Buffer.from(`${accountSid}:${token}`).toString('base64');
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${pair}`,
  };
  const sender: Record<string, string> =
    from === undefined ? { MessagingServiceSid: messagingServiceSid! } : { From: from };
  return {
    send: (to, text, signal) => {
      const body = new URLSearchParams({ ...sender, To: to, Body: text }).toString();
      const secrets = [token, pair, accountSid, to];
      return deliverByHttp(
        { url, body, headers, policy: config, ca, confidential: true, secrets, now },
        signal,
      );
    },
  };
}
