import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createTransport, type SendMailOptions, type SMTPSentMessageInfo } from 'nodemailer';
import { z } from 'zod';
import { escapeHtml } from '../../../core/format.ts';
import { isLoopbackHost } from '../../../core/loopback.ts';
import {
  type AlertContent,
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
     * `tls`: encrypted from the beginning (port 465); `starttls`: before anything is said (587);
     * `none`: never (25).
     */
    security: z.enum(['tls', 'starttls', 'none']).default('starttls'),
    user: lineSchema(200).optional(),
    passwordFile: secretFileSchema.optional(),
    /** Certificates (PEM) to trust instead of the system's. */
    caFile: lineSchema(4096).optional(),
    from: emailAddressSchema,
    fromName: lineSchema(100).default('Perfscope'),
    to: z.array(emailAddressSchema).min(1).max(50).optional(),
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    error: '`user` and `passwordFile` go together',
    path: ['user'],
  })
  .refine(({ user, security, host }) => !user || security !== 'none' || isLoopbackHost(host), {
    error: 'must be `tls` or `starttls`: a password is not sent unencrypted',
    path: ['security'],
  });

type EmailConfig = z.output<typeof emailConfigSchema>;

/** Mail through an SMTP server. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
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
    const refused = `${config.host} refused ${rejected.map(String).map(maskEmailAddress).join(', ')}`;
    // The others have it; those who were refused for good are no reason to begin again.
    if (rejectedErrors.every(isPermanentSmtpError)) return { status: 'delivered', detail: refused };
    return { status: 'retryable', reason: refused };
  } catch (error) {
    const secrets = password === undefined ? [] : [password];
    return toSmtpErrorOutcome(error as Error, config.host, secrets, signal);
  }
}

const MAX_ALERTS = 50;

/**
 * A message as a mail. All mails of a group answer one that was never sent, so that programs show
 * them as one thread whichever comes first; a repeated attempt has the same Message-ID.
 */
function toMail(
  message: Message,
  { from, fromName }: EmailConfig,
  to: readonly string[],
): SendMailOptions {
  const told = toMessageContent(message, MAX_ALERTS);
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const thread = `<${hashId(message.groupKey)}@${domain}>`;
  return {
    from: { name: fromName, address: from },
    to: [...to],
    subject: told.title,
    text: formatPlainText(told),
    html: formatHtml(told),
    messageId: `<${hashId(message.id)}@${domain}>`,
    inReplyTo: thread,
    references: thread,
    headers: {
      // RFC 3834: nobody's holiday notice answers this.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Perfscope-Status': message.status,
    },
    ...(message.alerts[0]!.severity === 'critical' &&
      message.status === 'firing' && { priority: 'high' as const }),
    // Nothing of a message is a file or an address to read.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function hashId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The same as lines of plain text, for mail and for what shows no formatting. */
export function formatPlainText(told: MessageContent): string {
  const blocks = told.alerts.map(({ heading, summary, facts, links }) =>
    [
      heading,
      summary,
      ...facts.map(([name, value]) => `${name}: ${value}`),
      ...links.map(({ text, url }) => `${text}: ${url}`),
    ].join('\n'),
  );
  const note = told.note === undefined ? [] : [told.note];
  const more = told.omitted > 0 ? [`And ${told.omitted} more.`] : [];
  return `${[told.title, ...note, ...blocks, ...more].join('\n\n')}\n`;
}

const PAGE_STYLE = 'font-family:sans-serif;max-width:40em;line-height:1.4';

/** A mail's HTML: nothing is loaded from elsewhere. */
export function formatHtml(told: MessageContent): string {
  return [
    `<!doctype html><html><head><meta charset="utf-8"><title>${escapeHtml(told.title)}</title></head>`,
    `<body style="${PAGE_STYLE}"><h2>${escapeHtml(told.title)}</h2>`,
    told.note === undefined ? '' : `<p><em>${escapeHtml(told.note)}</em></p>`,
    ...told.alerts.map(formatAlertHtml),
    told.omitted > 0 ? `<p>And ${told.omitted} more.</p>` : '',
    '</body></html>',
  ].join('\n');
}

function formatAlertHtml({ heading, summary, facts, links }: AlertContent): string {
  const rows = facts.map(
    ([name, value]) => `<li><strong>${name}:</strong> ${escapeHtml(value)}</li>`,
  );
  const shown = links.map(({ text, url }) => `<a href="${escapeHtml(url)}">${text}</a>`);
  return [
    `<h3>${escapeHtml(heading)}</h3><p>${escapeHtml(summary)}</p><ul>${rows.join('')}</ul>`,
    shown.length > 0 ? `<p>${shown.join(' · ')}</p>` : '',
  ].join('');
}

const DEFAULT_PORTS = { tls: 465, starttls: 587, none: 25 } as const;
/** For what the signal does not end: it always comes first. */
const SOCKET_TIMEOUT_MS = 120_000;

interface SmtpOptions {
  readonly config: EmailConfig;
  readonly password: string | undefined;
  readonly ca: string | undefined;
}

/** Gives one mail to the server, over a connection of its own that ends with `signal`. */
async function sendMail(
  { config, password, ca }: SmtpOptions,
  mail: SendMailOptions,
  signal: AbortSignal,
): Promise<SMTPSentMessageInfo> {
  const { host, security, user } = config;
  const port = config.port ?? DEFAULT_PORTS[security];
  const socket = connect({ host, port });
  // Failures are told by the waits below; one that comes after them is nobody's.
  socket.on('error', () => {});
  // Whatever nodemailer waits for, it hears that the connection is gone.
  const end = () => socket.destroy(new Error('it did not answer in time'));
  signal.addEventListener('abort', end);
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
    signal.removeEventListener('abort', end);
    socket.destroy();
  }
}

async function waitForConnect(socket: Socket, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw new Error('it did not answer in time');
  await once(socket, 'connect', { signal });
}

/** What nodemailer and the server say of a failure. */
interface SmtpError {
  readonly code?: string;
  /** Of the server's answer: 4xx may pass, 5xx will not (RFC 5321, 4.2.1). */
  readonly responseCode?: number;
  readonly response?: string;
  readonly message: string;
}

/** What Node says of a certificate; nodemailer gives all failures of a socket the same code. */
const CERTIFICATE_ERROR = /certificate|Hostname\/IP does not match/i;
/** Encryption that is wanted and not offered. */
const STARTTLS_ERROR = /STARTTLS/;

function isPermanentSmtpError({ code, responseCode, message }: SmtpError): boolean {
  if (responseCode !== undefined) return responseCode >= 500;
  if (CERTIFICATE_ERROR.test(message) || (code === 'ETLS' && STARTTLS_ERROR.test(message)))
    return true;
  // Nothing was answered: the message or the way of logging in is at fault.
  return code === 'EENVELOPE' || code === 'EMESSAGE' || code === 'EAUTH';
}

function toSmtpErrorOutcome(
  error: SmtpError,
  host: string,
  secrets: readonly string[],
  signal: AbortSignal,
): DeliveryOutcome {
  if (signal.aborted) return { status: 'retryable', reason: `${host} did not answer in time` };
  const said = redactForDisplay(error.response ?? error.message, secrets);
  const reason = `${host}: ${said}`;
  return { status: isPermanentSmtpError(error) ? 'permanent' : 'retryable', reason };
}
