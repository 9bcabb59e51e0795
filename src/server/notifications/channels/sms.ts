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
    accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/, `must be \`AC\` and ${SID_FORMAT}`),
    /** Holds the account's auth token. */
    tokenFile: secretFileSchema,
    from: phoneNumberSchema.optional(),
    /** Instead of `from`: the service chooses the number. */
    messagingServiceSid: z
      .string()
      .regex(/^MG[0-9a-fA-F]{32}$/, `must be \`MG\` and ${SID_FORMAT}`)
      .optional(),
    to: z.array(phoneNumberSchema).min(1).max(20).optional(),
    url: httpUrlSchema.default('https://api.twilio.com'),
    ...networkFields,
  })
  .refine(
    ({ from, messagingServiceSid: service }) => (from === undefined) !== (service === undefined),
    { error: 'needs either `from` or `messagingServiceSid`', path: ['from'] },
  )
  .superRefine(checkUrlsAllowed);

type SmsConfig = z.output<typeof smsConfigSchema>;

/** Short messages. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
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
      const again = failed.find(({ status }) => status === 'retryable');
      if (again) return again;
      const [first] = failed;
      if (first === undefined) return { status: 'delivered' };
      // Those who were refused for good are no reason to tell the others again.
      if (failed.length === recipients.all.length) return first;
      return { status: 'delivered', detail: first.reason };
    },
  };
}

/** GSM 03.38: one septet each. */
const GSM7_ALPHABET =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Two septets each. */
const GSM7_EXTENDED = '^{}\\[~]|€';
/** Units of two segments that are put together: 2 × 153 septets, or 2 × 67 UTF-16 units. */
const MAX_SEPTETS = 306;
const MAX_UTF16_UNITS = 134;

/** A message as an SMS of two segments at most; the link is there when there is room for it. */
export function formatSms(message: Message): string {
  const { annotations, links } = message.alerts[0]!;
  const said = annotations.summary ? ` ${annotations.summary}` : '';
  // Brackets cost two septets each.
  const title = formatTitle(message).replaceAll('[', '').replaceAll(']', '');
  const text = truncateToFit(toSingleLine(`${title}${said}`, 1000));
  const link = normalizeHttpUrl(links.acknowledge) ?? normalizeHttpUrl(links.view);
  const linked = `${text} ${link}`;
  return link !== undefined && fitsTwoSegments(linked) ? linked : text;
}

function truncateToFit(text: string): string {
  if (fitsTwoSegments(text)) return text;
  let kept = truncateText(text, MAX_SEPTETS, '...');
  while (!fitsTwoSegments(kept)) kept = truncateText(text, kept.length - 1, '...');
  return kept;
}

function fitsTwoSegments(text: string): boolean {
  const septets = countSeptets(text);
  return septets === undefined ? text.length <= MAX_UTF16_UNITS : septets <= MAX_SEPTETS;
}

/** @returns undefined when a character is not in the alphabet, which makes all of it UCS-2 */
export function countSeptets(text: string): number | undefined {
  let septets = 0;
  for (const character of text) {
    if (GSM7_ALPHABET.includes(character)) septets += 1;
    else if (GSM7_EXTENDED.includes(character)) septets += 2;
    else return undefined;
  }
  return septets;
}

/** Who brings an SMS on its way. */
interface SmsProvider {
  /** Where it is reached, shown in reasons. */
  readonly host: string;
  /** One attempt for one number, in E.164 form. Never rejects. */
  send(to: string, text: string, signal: AbortSignal): Promise<DeliveryOutcome>;
}

/**
 * Twilio's Messages resource (https://www.twilio.com/docs/messaging/api/message-resource). Which
 * failures may pass is told by the HTTP status alone, as Twilio advises.
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
    host: url.host,
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
