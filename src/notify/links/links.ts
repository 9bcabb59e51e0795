import { isActive } from '../alert.ts';
import type { Message, ToldAlert } from '../channel.ts';
import { linkToken } from './link.ts';

/** How long after a message was sent its links work. */
const WORK_MS = 24 * 3_600_000;

/**
 * What adds links to a message: to the page, and those that act, of alerts that still fire. Without a
 * public address there are none.
 */
export function linksBy(
  publicUrl: string | undefined,
  key: Buffer,
  now: () => number,
): (message: Message) => Message {
  if (publicUrl === undefined) return (message) => message;
  const base = publicUrl.replace(/\/+$/, '');
  return (message) => {
    const expiresMs = now() + WORK_MS;
    const linked = (alert: ToldAlert): ToldAlert => {
      const act = (action: 'acknowledge' | 'silence') => {
        const link = { action, alertId: alert.id, receiver: message.receiver, expiresMs };
        return `${base}/links/${linkToken(link, key)}`;
      };
      return {
        ...alert,
        links: {
          view: `${base}/?alert=${encodeURIComponent(alert.id)}`,
          acknowledge: alert.state === 'firing' ? act('acknowledge') : undefined,
          silence: isActive(alert) ? act('silence') : undefined,
        },
      };
    };
    return { ...message, alerts: message.alerts.map(linked) };
  };
}
