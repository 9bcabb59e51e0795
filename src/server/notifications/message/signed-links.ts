import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { isActive } from '../../../core/alerts/alert.ts';
import { toRunbookLink } from '../../../core/alerts/runbook-link.ts';
import { DAY_MS } from '../../../core/duration.ts';
import type { Logger } from '../../../core/log.ts';
import { createError } from '../../../core/perfscope-error.ts';
import {
  createStateFile,
  readStateFile,
  restrictStateFile,
  writeStateFile,
} from '../../../core/state-file.ts';
import type { Message, MessageAlert } from '../channels/channel.ts';
import type { LinkVerifier, VerifiedLink } from '../notification-views.ts';

/** How long the links in a message are valid. */
const LINK_LIFETIME_MS = DAY_MS;

/**
 * Creates a function that adds links to a message. Each alert gets a link to its page, and active
 * alerts get links to acknowledge and silence them. A runbook of a built-in rule becomes a link to the
 * server's page. Without a public URL, no links are added.
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
    const addLinks = (alert: MessageAlert): MessageAlert => {
      const createActionUrl = (action: 'acknowledge' | 'silence') => {
        const link = { action, alertId: alert.id, receiver: message.receiver, expiresMs };
        return `${base}/links/${createLinkToken(link, key)}`;
      };
      return {
        ...alert,
        runbook: toRunbookLink(alert.runbook, base),
        links: {
          view: `${base}/alerts/${encodeURIComponent(alert.id)}`,
          acknowledge: alert.state === 'firing' ? createActionUrl('acknowledge') : undefined,
          silence: isActive(alert) ? createActionUrl('silence') : undefined,
        },
      };
    };
    const { incident } = message;
    return {
      ...message,
      alerts: message.alerts.map(addLinks),
      ...(incident && { incident: { ...incident, url: `${base}/incidents/${incident.id}` } }),
    };
  };
}

/** Action, alert ID, receiver, and expiry in seconds since the epoch. */
const linkPayloadSchema = z.tuple([
  z.enum(['acknowledge', 'silence']),
  z.string().regex(/^[\w-]{1,64}$/),
  z.string().min(1).max(100),
  z.int().nonnegative(),
]);
const MAX_TOKEN_LENGTH = 1000;
const TOKEN_PATTERN = /^([\w-]+)\.([\w-]{43})$/;

/** Creates a token: `base64url(payload).base64url(HMAC-SHA-256)`. */
export function createLinkToken(link: VerifiedLink, key: Buffer): string {
  const { action, alertId, receiver, expiresMs } = link;
  const payload = JSON.stringify([action, alertId, receiver, Math.floor(expiresMs / 1000)]);
  const text = Buffer.from(payload).toString('base64url');
  return `${text}.${signLinkPayload(text, key).toString('base64url')}`;
}

/** Creates a verifier for tokens that were created with the same key. */
export function createLinkReader(key: Buffer): LinkVerifier {
  return {
    verify(token, nowMs) {
      const [, text = '', signature = ''] =
        token.length > MAX_TOKEN_LENGTH ? [] : (TOKEN_PATTERN.exec(token) ?? []);
      const actual = Buffer.from(signature, 'base64url');
      const expected = signLinkPayload(text, key);
      if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return undefined;
      const { success, data } = linkPayloadSchema.safeParse(decodePayload(text));
      if (!success) return undefined;
      const [action, alertId, receiver, expires] = data;
      if (nowMs >= expires * 1000) return undefined;
      return { action, alertId, receiver, expiresMs: expires * 1000 };
    },
  };
}

/** Includes the purpose, so that other signatures with the same key aren't valid link tokens. */
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
 * Loads the key that signs links, or creates it: 32 random bytes in an owner-only file in `dataDir`.
 * Deleting the file invalidates all links. If the file is damaged, creates a new key and logs a
 * warning.
 *
 * @throws PS_STATE_FILE_UNUSABLE if the file can't be read or created
 */
export function loadLinkKey(dataDir: string, log: Logger): Buffer {
  const file = join(dataDir, 'notify', 'link.key');
  const existing = readStateFile(file);
  const key = randomBytes(LINK_KEY_BYTES);
  if (existing === undefined && createStateFile(file, key, { durable: true })) return key;
  // If another server has created the file in the meantime, both use the same key.
  const stored = existing ?? readStateFile(file) ?? Buffer.alloc(0);
  if (stored.length === LINK_KEY_BYTES) {
    restrictStateFile(file);
    return stored;
  }
  writeStateFile(file, key, { durable: true });
  const reason = `it has ${stored.length} bytes instead of ${LINK_KEY_BYTES}`;
  const effect = 'It was replaced, so the links in messages that were already sent are invalid.';
  log.warn(createError('PS_STATE_FILE_DAMAGED', { file, reason, effect }).message);
  return key;
}
