import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { JwtSettings } from '../../core/config/parse-settings.ts';
import { ROLES } from '../../core/person-and-roles.ts';
import { isRole } from './permissions.ts';
import { createPrincipal, type Grant, type Principal, validateGrant } from './principal.ts';

/** The caller, or the reason why the token was rejected or can't be checked right now. */
type TokenVerificationResult =
  | { principal: Principal }
  | { rejected: string }
  | { unavailable: string };

export type TokenVerifier = (token: string) => Promise<TokenVerificationResult>;

/** Only asymmetric algorithms: if the public key were used as an HMAC secret, anyone could sign (RFC 8725 §2.1). */
const PUBLIC_KEY_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const CLOCK_TOLERANCE_S = 5;
/**
 * Codes of jose errors that mean the issuer's keys can't be fetched. All other errors mean an
 * invalid token.
 */
const KEY_FETCH_ERROR_CODES = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

/**
 * Creates a verifier for JSON Web Tokens. A token must contain `sub`, `exp`, and `perfscope_role`
 * or `role`. Depending on the role, the token can contain `organization_id` and `properties`
 * (property names).
 */
export function createTokenVerifier({ issuer, audience, keys }: JwtSettings): TokenVerifier {
  const common: JWTVerifyOptions = {
    issuer,
    audience,
    clockTolerance: CLOCK_TOLERANCE_S,
    requiredClaims: ['sub', 'exp'],
  };
  const verify =
    'secret' in keys
      ? createSecretVerifier(keys.secret, common)
      : createJwksVerifier(keys.jwksUrl, common);
  return async (token) => {
    try {
      return toVerificationResult((await verify(token)).payload);
    } catch (error) {
      const isJoseError = error instanceof errors.JOSEError;
      if (!isJoseError || KEY_FETCH_ERROR_CODES.has(error.code)) {
        return {
          unavailable: "tokens cannot be checked because the issuer's keys cannot be loaded",
        };
      }
      // Messages from jose contain the names of claims and algorithms, but never values.
      return { rejected: `the token is invalid (${error.message})` };
    }
  };
}

function createSecretVerifier(secret: string, options: JWTVerifyOptions) {
  const key = new TextEncoder().encode(secret);
  return (token: string) => jwtVerify(token, key, { ...options, algorithms: ['HS256'] });
}

function createJwksVerifier(url: string, options: JWTVerifyOptions) {
  // Caches the keys for 10 min. If a token uses an unknown key, reloads the keys, but at most every
  // 30 s.
  const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(url));
  const algorithms = PUBLIC_KEY_ALGORITHMS;
  return (token: string) => jwtVerify(token, keys, { ...options, algorithms });
}

function toVerificationResult(claims: JWTPayload): TokenVerificationResult {
  const role = claims.perfscope_role ?? claims.role;
  const { sub, organization_id: organizationId, properties } = claims;
  if (!isRole(role)) return { rejected: `the token's role must be one of ${ROLES.join(', ')}` };
  if (typeof sub !== 'string' || sub === '' || sub.length > 200 || /\p{C}/u.test(sub)) {
    return { rejected: "the token's sub is empty, too long, or not printable" };
  }
  if (organizationId !== undefined && typeof organizationId !== 'string') {
    return { rejected: "the token's organization_id is not a string" };
  }
  if (properties !== undefined && !isStringArray(properties)) {
    return { rejected: "the token's properties are not a list of strings" };
  }
  const grant: Grant = { role, organizationId, properties };
  const problem = validateGrant(grant);
  if (problem !== undefined)
    return { rejected: `the token's claims contradict each other: ${problem}` };
  return { principal: createPrincipal(`token:${sub}`, grant) };
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
