import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Begins every key, so that people and secret scanners know one when they see it. */
export const API_KEY_PREFIX = 'psk_';

const API_KEY_PATTERN = /^psk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

/** A key as it was sent. */
export interface ParsedApiKey {
  readonly id: string;
  readonly secret: string;
}

export interface GeneratedApiKey {
  readonly id: string;
  /** `psk_ID_SECRET` with a checksum at its end: shown to its owner once, and stored nowhere. */
  readonly text: string;
  /** What is stored of it. */
  readonly hash: string;
}

/** Makes a key with 256 random bits. */
export function generateApiKey(): GeneratedApiKey {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const body = `${API_KEY_PREFIX}${id}_${secret}`;
  return { id, text: body + computeChecksum(body), hash: hashSecret(secret) };
}

/** @returns undefined when it is no whole key: mistyped, cut off, or something else */
export function parseApiKey(text: string): ParsedApiKey | undefined {
  const [, id, secret, sum] = API_KEY_PATTERN.exec(text) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return computeChecksum(`${API_KEY_PREFIX}${id}_${secret}`) === sum ? { id, secret } : undefined;
}

/** Compares in constant time. */
export function isMatchingSecret(hash: string, secret: string): boolean {
  return isSameDigest(Buffer.from(hash, 'hex'), sha256(secret));
}

/** Whether two secrets are the same text; the time it takes tells nothing about either. */
export function isSameSecret(a: string, b: string): boolean {
  return isSameDigest(sha256(a), sha256(b));
}

/**
 * One SHA-256 is enough, without salt or stretching: those protect passwords, which can be
 * guessed. Among 2^256 secrets nobody finds the one that belongs to a stolen hash. The secret's
 * text is hashed, not its bytes, because several texts of base64url mean the same bytes.
 */
function hashSecret(secret: string): string {
  return sha256(secret).toString('hex');
}

/** Finds what was mistyped before anybody is asked about it. It protects nothing. */
function computeChecksum(body: string): string {
  return sha256(body).toString('hex').slice(0, 8);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isSameDigest(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
