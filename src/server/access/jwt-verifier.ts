import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { JwtSettings } from '../../core/config/settings.ts';
import { ROLES } from '../../core/people.ts';
import { createPrincipal, type Grant, type Principal, validateGrant } from './principal.ts';
import { isRole } from './roles.ts';

/** Whose token it is, or why it opens nothing: for good, or because nobody can tell at the moment. */
type TokenVerificationResult =
  | { principal: Principal }
  | { rejected: string }
  | { unavailable: string };

export type TokenVerifier = (token: string) => Promise<TokenVerificationResult>;

/** Asymmetric only: with a public key taken for a shared secret, anybody could sign (RFC 8725 §2.1). */
const PUBLIC_KEY_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** How far in s the issuer's clock may be off. */
const CLOCK_TOLERANCE_S = 5;
/** What jose throws when the issuer's keys could not be fetched; all else is the token's fault. */
const KEY_FETCH_ERROR_CODES = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

/**
 * Makes the check of JSON Web Tokens. A token needs `sub`, `exp`, and the claims `perfscope_role`
 * (or `role`), `organization_id` and `properties` (names) as its role wants them.
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
      const known = error instanceof errors.JOSEError;
      if (!known || KEY_FETCH_ERROR_CODES.has(error.code)) {
        return { unavailable: "tokens cannot be checked while the issuer's keys are out of reach" };
      }
      // jose's messages name claims and algorithms, never their values.
      return { rejected: `the token is not valid (${error.message})` };
    }
  };
}

function createSecretVerifier(secret: string, options: JWTVerifyOptions) {
  const key = new TextEncoder().encode(secret);
  return (token: string) => jwtVerify(token, key, { ...options, algorithms: ['HS256'] });
}

function createJwksVerifier(url: string, options: JWTVerifyOptions) {
  // Keeps the keys for ten minutes, and asks again for an unknown one every 30 s at most.
  const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(url));
  const algorithms = PUBLIC_KEY_ALGORITHMS;
  return (token: string) => jwtVerify(token, keys, { ...options, algorithms });
}

function toVerificationResult(claims: JWTPayload): TokenVerificationResult {
  const role = claims.perfscope_role ?? claims.role;
  const { sub, organization_id: organizationId, properties } = claims;
  if (!isRole(role)) return { rejected: `the token's role is none of ${ROLES.join(', ')}` };
  if (typeof sub !== 'string' || sub === '' || sub.length > 200 || /\p{C}/u.test(sub)) {
    return { rejected: "the token's sub is empty, too long or not printable" };
  }
  if (organizationId !== undefined && typeof organizationId !== 'string') {
    return { rejected: "the token's organization_id is not a text" };
  }
  if (properties !== undefined && !isStringArray(properties)) {
    return { rejected: "the token's properties are not a list of texts" };
  }
  const grant: Grant = { role, organizationId, properties };
  const problem = validateGrant(grant);
  if (problem !== undefined) return { rejected: `the token contradicts itself: ${problem}` };
  return { principal: createPrincipal(`token:${sub}`, grant) };
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
