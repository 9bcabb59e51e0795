import { isLoopbackHost } from '../../core/loopback.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { Role } from '../../core/person-and-roles.ts';
import { API_KEY_PREFIX, isSameSecret, parseApiKey } from './api-key-secret.ts';
import type { ApiKeyStore } from './api-key-store.ts';
import type { TokenVerifier } from './jwt-verifier.ts';
import { hasPermission } from './permissions.ts';
import {
  createPrincipal,
  KEYLESS_LOCAL_ADMIN,
  LOCAL_ADMIN,
  type Principal,
  SCRAPER,
  validateGrant,
} from './principal.ts';

export interface Exposure {
  /** Address that the server will listen on. */
  readonly host: string;
  /** Whether an API key was ever created. */
  readonly hasKeys: boolean;
  /** Whether JWTs are accepted. */
  readonly hasTokens: boolean;
  /** Whether PERFORMANCE_PUBLIC_URL is set, so a proxy forwards requests from other machines. */
  readonly hasPublicUrl: boolean;
}

/**
 * Returns whether direct requests from this machine need no key. This is the case if the server
 * listens on loopback, has no public URL, accepts no JWTs, and no key was ever created. Revoked and
 * expired keys count as created. Otherwise, access would become unrestricted when the last key
 * expires or is revoked.
 */
export function isAuthDisabled({ host, hasKeys, hasTokens, hasPublicUrl }: Exposure): boolean {
  return isLoopbackHost(host) && !hasKeys && !hasTokens && !hasPublicUrl;
}

/** @throws PS_EXPOSED if other machines could reach the server without authentication */
export function assertNotExposed({ host, hasKeys, hasTokens }: Exposure): void {
  if (!isLoopbackHost(host) && !hasKeys && !hasTokens) throw createError('PS_EXPOSED', { host });
}

const AUTH_DISABLED_NOTICE =
  'No API key exists, so every local user has access without a key. Changing keys and people needs a key. Behind any proxy, a key is required: run `perfscope keys create --role ADMIN --name admin`.';
const NO_KEY_NOTICE =
  'PERFORMANCE_PUBLIC_URL is set and no API key exists, so requests to the API are rejected. Run `perfscope keys create --role ADMIN --name admin`.';

/** Returns the start line about API keys. Undefined if a key exists or JWTs are accepted. */
export function formatAccessNotice(exposure: Exposure): string | undefined {
  if (exposure.hasKeys || exposure.hasTokens) return undefined;
  return isAuthDisabled(exposure) ? AUTH_DISABLED_NOTICE : NO_KEY_NOTICE;
}

/**
 * Returns what changes when the first key is created, as one or two lines. If that key can't read data, another key is
 * needed.
 */
export function formatFirstKeyNotice(role: Role): string[] {
  const lines = [
    'Keyless access has ended: from now on, each sender, reader, and the web UI needs a key (`Authorization: Bearer …`).',
  ];
  if (!hasPermission(role, 'read')) {
    lines.push(
      `The ${role} key can't read data. To read data, run \`perfscope keys create --role ADMIN --name admin\`.`,
    );
  }
  return lines;
}

export interface RequestCredentials {
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
  /** The `X-API-Key` header. */
  readonly apiKey?: string | undefined;
  /** The local token header. */
  readonly localToken?: string | undefined;
  /**
   * Why the request might not come directly from a user of this machine, for example because a
   * proxy forwarded it. Undefined for direct requests.
   */
  readonly indirectReason: string | undefined;
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
  /** Token that gives admin access to direct requests from this machine. */
  readonly localToken?: string | undefined;
  /** Address that the server listens on. */
  readonly host: string;
  readonly hasPublicUrl: boolean;
}

const MAX_CREDENTIAL_LENGTH = 8192;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { keys, verifyToken, metricsToken, host, hasPublicUrl } = options;
  const hasTokens = verifyToken !== undefined;

  const authenticateAnonymous = (credentials: RequestCredentials): AuthenticationResult => {
    const hasKeys = keys.hasAnyKey;
    if (hasKeys === undefined) return { unavailable: 'the API keys are not loaded yet' };
    if (!isAuthDisabled({ host, hasKeys, hasTokens, hasPublicUrl })) {
      return { rejected: describeMissingKey(credentials) };
    }
    const { indirectReason } = credentials;
    if (indirectReason === undefined) return { principal: KEYLESS_LOCAL_ADMIN };
    return {
      rejected: `without an API key, only direct requests from this machine are accepted, but ${indirectReason}`,
    };
  };

  const checkLocalToken = (token: string, indirectReason?: string): AuthenticationResult => {
    if (indirectReason !== undefined) {
      return {
        rejected: `the local token is only for direct requests from this machine, but ${indirectReason}`,
      };
    }
    const isValid =
      options.localToken !== undefined &&
      token.length <= MAX_CREDENTIAL_LENGTH &&
      isSameSecret(token, options.localToken);
    return isValid ? { principal: LOCAL_ADMIN } : { rejected: 'the local token is wrong' };
  };

  return async (credentials) => {
    const text = getCredential(credentials);
    const { localToken } = credentials;
    if (text === undefined) {
      return localToken === undefined
        ? authenticateAnonymous(credentials)
        : checkLocalToken(localToken, credentials.indirectReason);
    }
    if (text.length > MAX_CREDENTIAL_LENGTH) return { rejected: 'the credential is too long' };
    if (metricsToken !== undefined && isSameSecret(text, metricsToken)) {
      return { principal: SCRAPER };
    }
    if (text.startsWith(API_KEY_PREFIX)) {
      const checked = await keys.check(text);
      if (!('key' in checked)) return checked;
      const { id, role, organizationId, properties } = checked.key;
      const grant = { role, organizationId, properties };
      const problem = validateGrant(grant);
      // A stored row can have been changed. A contradictory one must not give more access than intended.
      if (problem !== undefined) return { rejected: `the key is invalid: ${problem}` };
      return { principal: createPrincipal(`key:${id}`, grant) };
    }
    if (text.split('.').length !== 3)
      return { rejected: 'the credential is neither an API key nor a JWT' };
    return verifyToken ? verifyToken(text) : { rejected: 'this server does not accept JWTs' };
  };
}

/** Returns why the request has no credential. Never quotes the header, because it can contain a key. */
function describeMissingKey({ authorization = '' }: RequestCredentials): string {
  if (authorization === '') {
    return 'the request contains no API key in the header `Authorization` or `X-API-Key`';
  }
  if (/^Bearer(?:%20|\+)/i.test(authorization)) {
    const [encoded] = /%20|\+/.exec(authorization) ?? [];
    return `the Authorization header contains \`Bearer${encoded}\`: write a space instead of \`${encoded}\``;
  }
  if (/^["']/.test(authorization)) {
    return 'the Authorization header starts with a quotation mark, which must be removed';
  }
  const isKey =
    authorization.startsWith(API_KEY_PREFIX) || /^[\w-]+(\.[\w-]+){2}$/.test(authorization);
  return isKey
    ? 'the Authorization header contains a key or token without `Bearer` before it'
    : 'the Authorization header does not start with `Bearer`';
}

/** Returns the ID of the API key in a request. It isn't a secret. Undefined if there is no complete key. */
export function getKeyId(credentials: RequestCredentials): string | undefined {
  const text = getCredential(credentials) ?? '';
  return text.length > MAX_CREDENTIAL_LENGTH ? undefined : parseApiKey(text)?.id;
}

/** Ignores schemes other than Bearer, because proxies use other schemes for their own users. */
function getCredential({ authorization = '', apiKey }: RequestCredentials): string | undefined {
  const isBearer = /^Bearer(?= |$)/i.test(authorization);
  return isBearer ? authorization.slice('Bearer'.length).trim() : apiKey;
}
