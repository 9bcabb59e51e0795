import type { Hash } from 'node:crypto';

let crypto: typeof import('node:crypto') | undefined;

/**
 * Loads `node:crypto` on the first call. This takes 4 ms, so the agent doesn't load it before the
 * application's first line.
 */
function loadCrypto(): typeof import('node:crypto') {
  crypto ??= process.getBuiltinModule('node:crypto');
  return crypto;
}

/** Same as `createHash` of `node:crypto`. */
export function createHash(algorithm: 'sha1' | 'sha256'): Hash {
  return loadCrypto().createHash(algorithm);
}

/** Same as `randomBytes` of `node:crypto`. */
export function randomBytes(size: number): Buffer {
  return loadCrypto().randomBytes(size);
}

/** Returns the first hexadecimal digits of the SHA-1 hash of a text. 16 digits identify a series, and 24 a row. */
export function hashText(text: string, length: number): string {
  return createHash('sha1').update(text).digest('hex').slice(0, length);
}
