import { createError } from '../../core/errors.ts';
import { isLoopbackHost } from '../../core/loopback.ts';
import { API_KEY_PREFIX, isSameSecret } from './api-key-secret.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import type { TokenVerifier } from './jwt-verifier.ts';
import { createPrincipal, LOCAL_ADMIN, type Principal, SCRAPER } from './principal.ts';

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
export function isAuthDisabled({ host, hasKeys, hasTokens }: Exposure): boolean {
  return isLoopbackHost(host) && !hasKeys && !hasTokens;
}

/** @throws PS_EXPOSED when other machines would reach what nobody protects */
export function assertNotExposed({ host, hasKeys, hasTokens }: Exposure): void {
  if (!isLoopbackHost(host) && !hasKeys && !hasTokens) throw createError('PS_EXPOSED', { host });
}

/** What an open server says at its start. */
export const AUTH_DISABLED_NOTICE =
  'No key exists: whoever reaches this loopback address is an administrator. `perfscope keys create` ends that.';

/** What a request says about who sends it. */
export interface RequestCredentials {
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
  /** The `X-API-Key` header. */
  readonly apiKey?: string | undefined;
  /** Whether it was sent to a loopback name by no foreign page and no proxy. */
  readonly isDirect: boolean;
}

/** Who asks, or why nobody knows: for good, or at the moment. */
type AuthenticationResult =
  | { principal: Principal }
  | { refused: string }
  | { unavailable: string };

/** Never rejects. */
export type Authenticator = (presented: RequestCredentials) => Promise<AuthenticationResult>;

export interface AuthenticatorOptions {
  readonly keys: Pick<ApiKeyStore, 'check' | 'hasAnyKey'>;
  /** Undefined: nobody's tokens are believed. */
  readonly checkToken?: TokenVerifier | undefined;
  /** Token that may scrape, and no more. */
  readonly metricsToken?: string | undefined;
  /** Address that the server listens on. */
  readonly host: string;
}

const MAX_CREDENTIAL_LENGTH = 8192;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { keys, checkToken, metricsToken, host } = options;

  const withoutCredential = ({ isDirect: direct }: RequestCredentials): AuthenticationResult => {
    const hasKeys = keys.hasAnyKey;
    if (hasKeys === undefined) return { unavailable: 'the keys are not known yet' };
    if (!isAuthDisabled({ host, hasKeys, hasTokens: checkToken !== undefined })) {
      return { refused: 'the request brings no key' };
    }
    if (direct) return { principal: LOCAL_ADMIN };
    return {
      refused: 'without a key, only direct requests to a loopback address are answered',
    };
  };

  return async (presented) => {
    const text = getCredential(presented);
    if (text === undefined) return withoutCredential(presented);
    if (text.length > MAX_CREDENTIAL_LENGTH) return { refused: 'the credential is too long' };
    if (metricsToken !== undefined && isSameSecret(text, metricsToken)) {
      return { principal: SCRAPER };
    }
    if (text.startsWith(API_KEY_PREFIX)) {
      const checked = await keys.check(text);
      if (!('key' in checked)) return checked;
      const { id, role, organizationId, properties } = checked.key;
      return { principal: createPrincipal(`key:${id}`, { role, organizationId, properties }) };
    }
    if (text.split('.').length !== 3) return { refused: 'it is neither a key nor a token' };
    return checkToken ? checkToken(text) : { refused: 'tokens are not accepted here' };
  };
}

/** Other schemes than Bearer are left to proxies, which have their own users. */
function getCredential({ authorization = '', apiKey }: RequestCredentials): string | undefined {
  const isBearer = /^Bearer(?= |$)/i.test(authorization);
  return isBearer ? authorization.slice('Bearer'.length).trim() : apiKey;
}
