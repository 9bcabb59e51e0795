import type { Channel, Message, Outcome } from '../../channel.ts';
import { mailAddress } from '../fields.ts';
import { maskedAddress } from '../masked.ts';
import type { ChannelOptions } from '../options.ts';
import { Recipients } from '../recipients.ts';
import { readCertificates, readSecret } from '../secret-file.ts';
import type { EmailConfig } from './config.ts';
import { mailOf } from './mail.ts';
import { isPermanent, outcomeOfFailure } from './outcome.ts';
import { type SmtpOptions, sendMail } from './smtp.ts';

/** Mail through an SMTP server. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
export function openEmail(config: EmailConfig, { to = config.to }: ChannelOptions): Channel {
  const recipients = new Recipients('email', to, mailAddress);
  const { passwordFile, caFile } = config;
  const password = passwordFile === undefined ? undefined : readSecret(passwordFile);
  const smtp = { config, password, ca: readCertificates(caFile) };
  return {
    kind: 'email',
    recipient: recipients.all.map(maskedAddress).join(', '),
    deliver: (message, signal) => deliver(smtp, recipients, message, signal),
  };
}

async function deliver(
  smtp: SmtpOptions,
  recipients: Recipients,
  message: Message,
  signal: AbortSignal,
): Promise<Outcome> {
  const { config, password } = smtp;
  const to = recipients.left(message.id);
  if (to.length === 0) return { status: 'delivered' };
  try {
    const mail = mailOf(message, config, to);
    const { accepted, rejected, rejectedErrors = [] } = await sendMail(smtp, mail, signal);
    recipients.reached(message.id, accepted.map(String));
    if (rejected.length === 0) return { status: 'delivered' };
    const refused = `${config.host} refused ${rejected.map(String).map(maskedAddress).join(', ')}`;
    // The others have it; those who were refused for good are no reason to begin again.
    if (rejectedErrors.every(isPermanent)) return { status: 'delivered', detail: refused };
    return { status: 'retryable', reason: refused };
  } catch (error) {
    const secrets = password === undefined ? [] : [password];
    return outcomeOfFailure(error as Error, config.host, secrets, signal);
  }
}
