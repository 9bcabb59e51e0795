import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isActive } from '../../../core/alerts/alert.ts';
import { createError, errorMessage } from '../../../core/errors.ts';
import type { Message, MessageAlert } from '../channels/channel.ts';
import type { LinkVerifier, VerifiedLink } from '../notification-views.ts';

/** How long after a message was sent its links work. */
const LINK_LIFETIME_MS = 24 * 3_600_000;

/**
 * What adds links to a message: to the page, and those that act, of alerts that still fire. Without a
 * public address there are none.
 */
export function createMessageLinker(
  publicUrl: string | undefined,
  key: Buffer,
  now: () => number,
): (message: Message) => Message {
  if (publicUrl === undefined) return (message) => message;
  const base = publicUrl.replace(/\/+$/, '');
  return (message) => {
    const expiresMs = now() + LINK_LIFETIME_MS;
    const linked = (alert: MessageAlert): MessageAlert => {
      const act = (action: 'acknowledge' | 'silence') => {
        const link = { action, alertId: alert.id, receiver: message.receiver, expiresMs };
        return `${base}/links/${createLinkToken(link, key)}`;
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

/** One alert, one action, one receiver, one end. */
const linkPayloadSchema = z.tuple([
  z.enum(['acknowledge', 'silence']),
  z.string().regex(/^[\w-]{1,64}$/),
  z.string().min(1).max(100),
  z.int().nonnegative(),
]);
const MAX_TOKEN_LENGTH = 1000;
const TOKEN_PATTERN = /^([\w-]+)\.([\w-]{43})$/;

/** Makes what nobody without `key` can make: `base64url(payload).base64url(HMAC-SHA-256)`. */
export function createLinkToken(link: VerifiedLink, key: Buffer): string {
  const { action, alertId, receiver, expiresMs } = link;
  const payload = JSON.stringify([action, alertId, receiver, Math.floor(expiresMs / 1000)]);
  const text = Buffer.from(payload).toString('base64url');
  return `${text}.${signLinkPayload(text, key).toString('base64url')}`;
}

/** Reads tokens that were made with the same key. */
export function createLinkReader(key: Buffer): LinkVerifier {
  return {
    verify(token, nowMs) {
      const [, text = '', signature = ''] =
        token.length > MAX_TOKEN_LENGTH ? [] : (TOKEN_PATTERN.exec(token) ?? []);
      const given = Buffer.from(signature, 'base64url');
      const wanted = signLinkPayload(text, key);
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
      const { success, data } = linkPayloadSchema.safeParse(decodePayload(text));
      if (!success) return undefined;
      const [action, alertId, receiver, expires] = data;
      if (nowMs >= expires * 1000) return undefined;
      return { action, alertId, receiver, expiresMs: expires * 1000 };
    },
  };
}

/** The purpose is signed too, so that no other signature by the same key is one of these. */
function signLinkPayload(text: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(`perfscope link 1\n${text}`).digest();
}

function decodePayload(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

const LINK_KEY_BYTES = 32;

/**
 * The key that links are signed with: 32 random bytes in a file of `dataDir` for its owner only, made
 * when it is missing. Links end to work when it is removed.
 *
 * @throws PS_DATA_DIR_UNUSABLE
 */
export function loadLinkKey(dataDir: string): Buffer {
  const folder = join(dataDir, 'notify');
  const file = join(folder, 'link.key');
  try {
    const known = readLinkKey(file);
    if (known) return known;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, randomBytes(LINK_KEY_BYTES), { mode: 0o600 });
    try {
      // Of two servers that begin at once both have the key of the first.
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const made = readLinkKey(file);
    if (!made) throw new Error(`${file} is not a key; remove it`);
    return made;
  } catch (error) {
    throw createError('PS_DATA_DIR_UNUSABLE', { dataDir, reason: errorMessage(error) }, error);
  }
}

function readLinkKey(file: string): Buffer | undefined {
  try {
    const key = readFileSync(file);
    if (key.length !== LINK_KEY_BYTES) throw new Error(`${file} is not a key; remove it`);
    chmodSync(file, 0o600);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
