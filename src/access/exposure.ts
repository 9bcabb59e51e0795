import { isLoopback } from '../config/loopback.ts';
import { coded } from '../errors.ts';

export interface Exposure {
  /** Address that the server is to listen on. */
  readonly host: string;
  /** Whether any key was ever made. */
  readonly hasKeys: boolean;
  /** Whether tokens of an issuer are believed. */
  readonly hasTokens: boolean;
}

/**
 * Whether everybody who reaches the server is its administrator: it listens on loopback, no key was
 * ever made, and nobody's tokens are believed. A revoked or expired key counts as made, or the end
 * of the last key would open all doors.
 */
export function isOpen({ host, hasKeys, hasTokens }: Exposure): boolean {
  return isLoopback(host) && !hasKeys && !hasTokens;
}

/** @throws PS_EXPOSED when other machines would reach what nobody protects */
export function refuseExposure({ host, hasKeys, hasTokens }: Exposure): void {
  if (!isLoopback(host) && !hasKeys && !hasTokens) throw coded('PS_EXPOSED', { host });
}

/** What an open server says at its start. */
export const OPEN_NOTICE =
  'No key exists: whoever reaches this loopback address is an administrator. `perfscope keys create` ends that.';
