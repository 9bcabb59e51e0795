import { isLoopbackHost } from '../../core/loopback.ts';
import { createError } from '../../core/perfscope-error.ts';
import { API_KEY_PREFIX, isSameSecret } from './api-key-secret.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import type { TokenVerifier } from './jwt-verifier.ts';
import { createPrincipal, LOCAL_ADMIN, type Principal, SCRAPER } from './principal.ts';

export interface Exposure {
  /** Address that the server will listen on. */
  readonly host: string;
  /** Whether an API key was ever created. */
  readonly hasKeys: boolean;
  /** Whether JWTs are accepted. */
  readonly hasTokens: boolean;
}

/**
 * Returns whether every local user has admin access: the server listens on loopback, no key was
 * ever created, and JWTs aren't accepted. Revoked and expired keys count as created. Otherwise,
 * access would become unrestricted when the last key expires or is revoked.
 */
export function isAuthDisabled({ host, hasKeys, hasTokens }: Exposure): boolean {
  return isLoopbackHost(host) && !hasKeys && !hasTokens;
}

/** @throws PS_EXPOSED if other machines could reach the server without authentication */
export function assertNotExposed({ host, hasKeys, hasTokens }: Exposure): void {
  if (!isLoopbackHost(host) && !hasKeys && !hasTokens) throw createError('PS_EXPOSED', { host });
}

/** Logged at startup if authentication is disabled. */
export const AUTH_DISABLED_NOTICE =
  'No API key exists, so every local user has admin access. Run `perfscope keys create` to require a key.';

export interface RequestCredentials {
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
  /** The `X-API-Key` header. */
  readonly apiKey?: string | undefined;
  /**
   * Whether the request came directly from this machine, not through a proxy or from another site.
   */
  readonly isDirect: boolean;
}

/** The caller, or the reason why the credentials were rejected or can't be checked right now. */
type AuthenticationResult =
  | { principal: Principal }
  | { rejected: string }
  | { unavailable: string };

/** Never rejects. */
export type Authenticator = (credentials: RequestCredentials) => Promise<AuthenticationResult>;

export interface AuthenticatorOptions {
  readonly keys: Pick<ApiKeyStore, 'check' | 'hasAnyKey'>;
  /** Undefined if JWTs aren't accepted. */
  readonly verifyToken?: TokenVerifier | undefined;
  /** Token that gives access only to `/metrics`. */
  readonly metricsToken?: string | undefined;
  /** Address that the server listens on. */
  readonly host: string;
}

const MAX_CREDENTIAL_LENGTH = 8192;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { keys, verifyToken, metricsToken, host } = options;

  const authenticateAnonymous = ({ isDirect }: RequestCredentials): AuthenticationResult => {
    const hasKeys = keys.hasAnyKey;
    if (hasKeys === undefined) return { unavailable: 'the API keys are not loaded yet' };
    if (!isAuthDisabled({ host, hasKeys, hasTokens: verifyToken !== undefined })) {
      return { rejected: 'the request contains no API key' };
    }
    if (isDirect) return { principal: LOCAL_ADMIN };
    return {
      rejected: 'without an API key, only direct requests to a loopback address are accepted',
    };
  };

  return async (credentials) => {
    const text = getCredential(credentials);
    if (text === undefined) return authenticateAnonymous(credentials);
    if (text.length > MAX_CREDENTIAL_LENGTH) return { rejected: 'the credential is too long' };
    if (metricsToken !== undefined && isSameSecret(text, metricsToken)) {
      return { principal: SCRAPER };
    }
    if (text.startsWith(API_KEY_PREFIX)) {
      const checked = await keys.check(text);
      if (!('key' in checked)) return checked;
      const { id, role, organizationId, properties } = checked.key;
      return { principal: createPrincipal(`key:${id}`, { role, organizationId, properties }) };
    }
    if (text.split('.').length !== 3)
      return { rejected: 'the credential is neither an API key nor a JWT' };
    return verifyToken ? verifyToken(text) : { rejected: 'this server does not accept JWTs' };
  };
}

/** Ignores schemes other than Bearer, because proxies use other schemes for their own users. */
function getCredential({ authorization = '', apiKey }: RequestCredentials): string | undefined {
  const isBearer = /^Bearer(?= |$)/i.test(authorization);
  return isBearer ? authorization.slice('Bearer'.length).trim() : apiKey;
}
