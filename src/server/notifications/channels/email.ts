import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { SendMailOptions, SMTPSentMessageInfo } from 'nodemailer';
import { z } from 'zod';
import { escapeHtml } from '../../../core/format.ts';
import { isLoopbackHost } from '../../../core/loopback.ts';
import {
  type AlertContent,
  formatOmittedCount,
  type MessageContent,
  toMessageContent,
} from '../message/message-content.ts';
import { redactForDisplay } from '../message/sanitize-text.ts';
import type { Channel, ChannelOptions, DeliveryOutcome, Message } from './channel.ts';
import { emailAddressSchema, lineSchema, secretFileSchema } from './channel-fields.ts';
import { maskEmailAddress, RecipientTracker } from './channel-recipients.ts';
import { readCertificates, readSecret } from './secret-file.ts';

export const emailConfigSchema = z
  .strictObject({
    kind: z.literal('email'),
    host: lineSchema(253),
    port: z.int().min(1).max(65_535).optional(),
    /**
     * `tls`: encrypted from the start (default port 465). `starttls`: encrypted before any data is
     * sent (587). `none`: not encrypted (25).
     */
    security: z.enum(['tls', 'starttls', 'none']).default('starttls'),
    user: lineSchema(200).optional(),
    passwordFile: secretFileSchema.optional(),
    /** PEM certificates to trust instead of the system's certificates. */
    caFile: lineSchema(4096).optional(),
    from: emailAddressSchema,
    fromName: lineSchema(100).default('Perfscope'),
    to: z.array(emailAddressSchema).min(1).max(50).optional(),
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    error: 'must be set together with `passwordFile`',
    path: ['user'],
  })
  .refine(({ user, security, host }) => !user || security !== 'none' || isLoopbackHost(host), {
    error: 'must be `tls` or `starttls`; otherwise, the password would be sent unencrypted',
    path: ['security'],
  });

type EmailConfig = z.output<typeof emailConfigSchema>;

/** Creates a channel that sends email over SMTP. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
export function createEmailChannel(
  config: EmailConfig,
  { to = config.to }: ChannelOptions,
): Channel {
  const recipients = new RecipientTracker('email', to, emailAddressSchema);
  const { passwordFile, caFile } = config;
  const password = passwordFile === undefined ? undefined : readSecret(passwordFile);
  const smtp = { config, password, ca: readCertificates(caFile) };
  return {
    kind: 'email',
    recipient: recipients.all.map(maskEmailAddress).join(', '),
    deliver: (message, signal) => deliverMail(smtp, recipients, message, signal),
  };
}

async function deliverMail(
  smtp: SmtpOptions,
  recipients: RecipientTracker,
  message: Message,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const { config, password } = smtp;
  const to = recipients.getRemaining(message.id);
  if (to.length === 0) return { status: 'delivered' };
  try {
    const mail = toMail(message, config, to);
    const { accepted, rejected, rejectedErrors = [] } = await sendMail(smtp, mail, signal);
    recipients.markReached(message.id, accepted.map(String));
    if (rejected.length === 0) return { status: 'delivered' };
    const addresses = rejected.map(String).map(maskEmailAddress).join(', ');
    const reason = `${config.host} rejected ${addresses}`;
    // The other recipients already have the message, and a retry would be rejected again.
    if (rejectedErrors.every(isPermanentSmtpError)) return { status: 'delivered', detail: reason };
    return { status: 'retryable', reason };
  } catch (error) {
    const secrets = password === undefined ? [] : [password];
    return toSmtpErrorOutcome(error as Error, config.host, secrets, signal);
  }
}

const MAX_ALERTS = 50;

/**
 * Converts a message to an email. All emails of a group refer to the same parent, which is never sent,
 * so email clients show them as one thread. All attempts have the same Message-ID.
 */
function toMail(
  message: Message,
  { from, fromName }: EmailConfig,
  to: readonly string[],
): SendMailOptions {
  const content = toMessageContent(message, MAX_ALERTS);
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const thread = `<${hashId(message.groupKey)}@${domain}>`;
  return {
    from: { name: fromName, address: from },
    to: [...to],
    // ASCII, so that the subject isn't encoded. Simple filters can then match it.
    subject: content.title.replaceAll(' · ', ' - '),
    text: formatPlainText(content),
    html: formatHtml(content),
    messageId: `<${hashId(message.id)}@${domain}>`,
    inReplyTo: thread,
    references: thread,
    headers: {
      // RFC 3834: prevents automatic replies such as vacation notices.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Perfscope-Status': message.status,
    },
    ...(message.alerts[0]!.severity === 'critical' &&
      message.status === 'firing' && { priority: 'high' as const }),
    // Prevents nodemailer from reading files or URLs that appear in the message.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function hashId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Formats the plain text part of an email. */
export function formatPlainText({ title, note, alerts, omitted }: MessageContent): string {
  const blocks = alerts.map(({ heading, summary, facts, links }) =>
    [
      heading,
      summary,
      ...facts.map(([name, value]) => `${name}: ${value}`),
      ...links.map(({ text, url }) => `${text}: ${url}`),
    ].join('\n'),
  );
  const notes = note === undefined ? [] : [note];
  const more = omitted > 0 ? [formatOmittedCount(omitted)] : [];
  return `${[title, ...notes, ...blocks, ...more].join('\n\n')}\n`;
}

const PAGE_STYLE = 'font-family:sans-serif;max-width:40em;line-height:1.4';

/** Formats the HTML part of an email. It loads no external resources. */
export function formatHtml({ title, note, alerts, omitted }: MessageContent): string {
  return [
    `<!doctype html><html><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>`,
    `<body style="${PAGE_STYLE}"><h2>${escapeHtml(title)}</h2>`,
    note === undefined ? '' : `<p><em>${escapeHtml(note)}</em></p>`,
    ...alerts.map(formatAlertHtml),
    omitted > 0 ? `<p>${formatOmittedCount(omitted)}</p>` : '',
    '</body></html>',
  ].join('\n');
}

function formatAlertHtml({ heading, summary, facts, links }: AlertContent): string {
  const rows = facts.map(
    ([name, value]) => `<li><strong>${name}:</strong> ${escapeHtml(value)}</li>`,
  );
  const linkElements = links.map(({ text, url }) => `<a href="${escapeHtml(url)}">${text}</a>`);
  return [
    `<h3>${escapeHtml(heading)}</h3><p>${escapeHtml(summary)}</p><ul>${rows.join('')}</ul>`,
    linkElements.length > 0 ? `<p>${linkElements.join(' · ')}</p>` : '',
  ].join('');
}

const DEFAULT_PORTS = { tls: 465, starttls: 587, none: 25 } as const;
/** A fallback. The signal aborts an attempt earlier than this. */
const SOCKET_TIMEOUT_MS = 120_000;

interface SmtpOptions {
  readonly config: EmailConfig;
  readonly password: string | undefined;
  readonly ca: string | undefined;
}

/** Sends one email over a new connection, which `signal` aborts. */
async function sendMail(
  { config, password, ca }: SmtpOptions,
  mail: SendMailOptions,
  signal: AbortSignal,
): Promise<SMTPSentMessageInfo> {
  // Loaded here, because most installations never send email.
  const { createTransport } = await import('nodemailer');
  const { host, security, user } = config;
  const port = config.port ?? DEFAULT_PORTS[security];
  const socket = connect({ host, port });
  // The calls below report connection errors. This handler ignores errors after the last call.
  socket.on('error', () => {});
  // Destroying the socket also ends any wait inside nodemailer.
  const abort = () => socket.destroy(new Error('it did not respond in time'));
  signal.addEventListener('abort', abort);
  try {
    await waitForConnect(socket, signal);
    const transport = createTransport({
      host,
      port,
      connection: socket,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      ignoreTLS: security === 'none',
      tls: { ...(ca !== undefined && { ca }), minVersion: 'TLSv1.2' },
      ...(user !== undefined && { auth: { user, pass: password } }),
      greetingTimeout: SOCKET_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
    });
    return await transport.sendMail(mail);
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function waitForConnect(socket: Socket, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw new Error('it did not respond in time');
  await once(socket, 'connect', { signal });
}

/** A nodemailer error. */
interface SmtpError {
  readonly code?: string;
  /** The server's reply code: 4xx is temporary, 5xx is permanent (RFC 5321, 4.2.1). */
  readonly responseCode?: number;
  readonly response?: string;
  readonly message: string;
}

/** Matches Node's certificate errors. Nodemailer uses one code for all socket errors. */
const CERTIFICATE_ERROR = /certificate|Hostname\/IP does not match/i;
/** Matches the error for a server that doesn't offer the required encryption. */
const STARTTLS_ERROR = /STARTTLS/;

function isPermanentSmtpError({ code, responseCode, message }: SmtpError): boolean {
  if (responseCode !== undefined) return responseCode >= 500;
  if (CERTIFICATE_ERROR.test(message) || (code === 'ETLS' && STARTTLS_ERROR.test(message)))
    return true;
  // The server didn't reply, so the message or the login method is wrong.
  return code === 'EENVELOPE' || code === 'EMESSAGE' || code === 'EAUTH';
}

function toSmtpErrorOutcome(
  error: SmtpError,
  host: string,
  secrets: readonly string[],
  signal: AbortSignal,
): DeliveryOutcome {
  if (signal.aborted) return { status: 'retryable', reason: `${host} did not respond in time` };
  const reason = `${host}: ${redactForDisplay(error.response ?? error.message, secrets)}`;
  return { status: isPermanentSmtpError(error) ? 'permanent' : 'retryable', reason };
}
