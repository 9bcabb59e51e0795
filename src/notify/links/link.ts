import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { LinkReader, ReadLink } from '../../schema/notification-desk.ts';

/** One alert, one action, one receiver, one end. */
const PAYLOAD = z.tuple([
  z.enum(['acknowledge', 'silence']),
  z.string().regex(/^[\w-]{1,64}$/),
  z.string().min(1).max(100),
  z.int().nonnegative(),
]);
const MOST_LENGTH = 1000;
const TOKEN = /^([\w-]+)\.([\w-]{43})$/;

/** Makes what nobody without `key` can make: `base64url(payload).base64url(HMAC-SHA-256)`. */
export function linkToken(link: ReadLink, key: Buffer): string {
  const { action, alertId, receiver, expiresMs } = link;
  const payload = JSON.stringify([action, alertId, receiver, Math.floor(expiresMs / 1000)]);
  const text = Buffer.from(payload).toString('base64url');
  return `${text}.${signatureOf(text, key).toString('base64url')}`;
}

/** Reads tokens that were made with the same key. */
export function linkReader(key: Buffer): LinkReader {
  return {
    read(token, nowMs) {
      const [, text = '', signature = ''] =
        token.length > MOST_LENGTH ? [] : (TOKEN.exec(token) ?? []);
      const given = Buffer.from(signature, 'base64url');
      const wanted = signatureOf(text, key);
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
      const { success, data } = PAYLOAD.safeParse(jsonOf(text));
      if (!success) return undefined;
      const [action, alertId, receiver, expires] = data;
      if (nowMs >= expires * 1000) return undefined;
      return { action, alertId, receiver, expiresMs: expires * 1000 };
    },
  };
}

/** The purpose is signed too, so that no other signature by the same key is one of these. */
function signatureOf(text: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(`perfscope link 1\n${text}`).digest();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}
