import { createHash } from 'node:crypto';
import type { SendMailOptions } from 'nodemailer';
import type { Message } from '../../channel.ts';
import { htmlOf } from '../../text/html.ts';
import { plainTextOf } from '../../text/plain-text.ts';
import { tell } from '../../text/told.ts';
import type { EmailConfig } from './config.ts';

const MOST_ALERTS = 50;

/**
 * A message as a mail. All mails of a group answer one that was never sent, so that programs show
 * them as one thread whichever comes first; a repeated attempt has the same Message-ID.
 */
export function mailOf(
  message: Message,
  { from, fromName }: EmailConfig,
  to: readonly string[],
): SendMailOptions {
  const told = tell(message, MOST_ALERTS);
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const thread = `<${hash(message.groupKey)}@${domain}>`;
  return {
    from: { name: fromName, address: from },
    to: [...to],
    subject: told.title,
    text: plainTextOf(told),
    html: htmlOf(told),
    messageId: `<${hash(message.id)}@${domain}>`,
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

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
