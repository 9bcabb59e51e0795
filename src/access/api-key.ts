import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Begins every key, so that people and secret scanners know one when they see it. */
export const KEY_PREFIX = 'psk_';

const FORMAT = /^psk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

/** A key as it was sent. */
export interface SentKey {
  readonly id: string;
  readonly secret: string;
}

export interface NewKey {
  readonly id: string;
  /** `psk_ID_SECRET` with a checksum at its end: shown to its owner once, and stored nowhere. */
  readonly text: string;
  /** What is stored of it. */
  readonly hash: string;
}

/** Makes a key with 256 random bits. */
export function newKey(): NewKey {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const body = `${KEY_PREFIX}${id}_${secret}`;
  return { id, text: body + checksum(body), hash: hashOf(secret) };
}

/** @returns undefined when it is no whole key: mistyped, cut off, or something else */
export function parseKey(text: string): SentKey | undefined {
  const [, id, secret, sum] = FORMAT.exec(text) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return checksum(`${KEY_PREFIX}${id}_${secret}`) === sum ? { id, secret } : undefined;
}

/** Compares in constant time. */
export function isSecretOf(hash: string, secret: string): boolean {
  return sameDigest(Buffer.from(hash, 'hex'), sha256(secret));
}

/** Whether two secrets are the same text; the time it takes tells nothing about either. */
export function isSameSecret(a: string, b: string): boolean {
  return sameDigest(sha256(a), sha256(b));
}

/**
 * One SHA-256 is enough, without salt or stretching: those protect passwords, which can be
 * guessed. Among 2^256 secrets nobody finds the one that belongs to a stolen hash. The secret's
 * text is hashed, not its bytes, because several texts of base64url mean the same bytes.
 */
function hashOf(secret: string): string {
  return sha256(secret).toString('hex');
}

/** Finds what was mistyped before anybody is asked about it. It protects nothing. */
function checksum(body: string): string {
  return sha256(body).toString('hex').slice(0, 8);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function sameDigest(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
