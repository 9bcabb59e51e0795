import { z } from 'zod';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import { normalizeHttpUrl } from '../message/message-content.ts';
import { formatTitle } from '../message/message-title.ts';
import { truncateText } from '../message/sanitize-text.ts';
import { deliverByHttp } from '../outgoing-http/http-delivery.ts';
import { findTwilioFailure } from '../outgoing-http/response-failures.ts';
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
    /** Alerts with other severities are not sent. */
    severity: z.array(z.enum(ALERT_SEVERITIES)).min(1).default(['high', 'critical']),
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
/** Capacity of one segment in septets, or in UTF-16 units if a character is not in the alphabet. */
const MAX_SEPTETS = 160;
const MAX_UTF16_UNITS = 70;
/** More than one segment can hold, so that a title that fits isn't shortened. */
const MAX_TITLE_LENGTH = 200;

/** Replacements for characters that are not in the GSM alphabet. */
const GSM7_REPLACEMENTS: Readonly<Record<string, string>> = {
  '·': '-',
  '…': '...',
  '–': '-',
  '—': '-',
  '×': 'x',
  '∞': 'infinity',
  '’': "'",
  '‘': "'",
  '“': '"',
  '”': '"',
  '`': "'",
};

/**
 * Formats a message as an SMS of one segment. The text starts with the severity and ends with the
 * tenant. A link is included if it fits in addition to the whole text.
 */
export function formatSms(message: Message): string {
  const { links } = message.alerts[0]!;
  const wholeText = formatSmsTitle(message, MAX_TITLE_LENGTH);
  for (const url of [links.acknowledge, links.view].map(normalizeHttpUrl)) {
    if (url !== undefined && fitsOneSegment(`${wholeText} ${url}`)) return `${wholeText} ${url}`;
  }
  // Shorten the title instead of its end, which contains the tenant.
  for (let length = MAX_TITLE_LENGTH; length > MIN_TITLE_LENGTH; length--) {
    const text = formatSmsTitle(message, length);
    if (fitsOneSegment(text)) return text;
  }
  return truncateToFit(wholeText);
}

const MIN_TITLE_LENGTH = 50;

function formatSmsTitle(message: Message, maxLength: number): string {
  // Remove brackets, because each takes two septets.
  return toGsmText(formatTitle(message, maxLength).replaceAll(/[[\]]/g, ''));
}

/** Replaces characters outside the GSM alphabet, if a similar text in the alphabet exists. */
function toGsmText(text: string): string {
  return [...text].map((character) => toGsmCharacter(character)).join('');
}

function toGsmCharacter(character: string): string {
  if (countSeptets(character) !== undefined) return character;
  const replacement =
    GSM7_REPLACEMENTS[character] ?? character.normalize('NFKD').replaceAll(/\p{M}/gu, '');
  return countSeptets(replacement) === undefined ? character : replacement;
}

function truncateToFit(text: string): string {
  let truncated = text;
  while (!fitsOneSegment(truncated)) truncated = truncateText(text, truncated.length - 1, '...');
  return truncated;
}

function fitsOneSegment(text: string): boolean {
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
 * (https://www.twilio.com/docs/messaging/api/message-resource).
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
      const request = { url, body, headers, policy: config, ca, confidential: true, secrets, now };
      return deliverByHttp({ ...request, findFailure: findTwilioFailure }, signal);
    },
  };
}
