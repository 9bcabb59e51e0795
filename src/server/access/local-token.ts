import { randomBytes } from 'node:crypto';

/** Generates a token with 256 random bits for the discovery file. It is valid until the server stops. */
export function generateLocalToken(): string {
  return randomBytes(32).toString('base64url');
}
