import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Prefix of every key, so that people and secret scanners can recognize keys. */
export const API_KEY_PREFIX = 'psk_';

const API_KEY_PATTERN = /^psk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

/** The parts of an API key from a request. */
export interface ParsedApiKey {
  readonly id: string;
  readonly secret: string;
}

export interface GeneratedApiKey {
  readonly id: string;
  /** `psk_ID_SECRET` plus a checksum. Shown to the owner once, and never stored. */
  readonly text: string;
  /** SHA-256 of the secret, in hex. Stored instead of the secret. */
  readonly hash: string;
}

/** Generates a key with 256 random bits. */
export function generateApiKey(): GeneratedApiKey {
  const id = randomBytes(8).toString('hex');
  const secret = generateSecret();
  const body = `${API_KEY_PREFIX}${id}_${secret}`;
  return { id, text: body + computeChecksum(body), hash: hashSecret(secret) };
}

/**
 * Returns the stored parts of a key that was generated elsewhere.
 *
 * @returns undefined if the text isn't a complete key
 */
export function toGeneratedApiKey(text: string): GeneratedApiKey | undefined {
  const parsed = parseApiKey(text);
  return parsed && { id: parsed.id, text, hash: hashSecret(parsed.secret) };
}

/** Generates a token with 256 random bits for the discovery file. It is valid until the server stops. */
export function generateLocalToken(): string {
  return generateSecret();
}

/** @returns undefined if the text isn't a complete key, for example because of a typo */
export function parseApiKey(text: string): ParsedApiKey | undefined {
  const [, id, secret, sum] = API_KEY_PATTERN.exec(text) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return computeChecksum(`${API_KEY_PREFIX}${id}_${secret}`) === sum ? { id, secret } : undefined;
}

/** Compares a secret with a stored hash, in constant time. */
export function isMatchingSecret(hash: string, secret: string): boolean {
  return isSameDigest(Buffer.from(hash, 'hex'), sha256(secret));
}

/** Compares two secrets of any length, in constant time. */
export function isSameSecret(a: string, b: string): boolean {
  return isSameDigest(sha256(a), sha256(b));
}

/**
 * Hashes the secret once with SHA-256, without salt or stretching. Those protect passwords, because
 * passwords can be guessed. A stolen hash doesn't help to guess one of 2^256 secrets. The hash is
 * computed from the text, not from the decoded bytes, because several base64url texts decode to the
 * same bytes.
 */
function hashSecret(secret: string): string {
  return sha256(secret).toString('hex');
}

function generateSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Detects typos without a lookup. The checksum isn't a security feature. */
function computeChecksum(body: string): string {
  return sha256(body).toString('hex').slice(0, 8);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isSameDigest(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
