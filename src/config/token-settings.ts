import { coded, type PerfscopeError } from '../errors.ts';
import type { VariableValues } from './variables.ts';

/** Whose JSON Web Tokens are believed. */
export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  /** Where the issuer's public keys are, or the secret that it shares with this server. */
  readonly keys: { readonly jwksUrl: string } | { readonly secret: string };
}

/** The four variables together; undefined where none is set. */
export function readTokenSettings(
  values: VariableValues,
  problems: PerfscopeError[],
): TokenSettings | undefined {
  const {
    PERFORMANCE_JWT_ISSUER: issuer,
    PERFORMANCE_JWT_AUDIENCE: audience,
    PERFORMANCE_JWT_JWKS_URL: jwksUrl,
    PERFORMANCE_JWT_SECRET: secret,
  } = values;
  if (jwksUrl !== undefined && secret !== undefined) {
    const [given, other] = ['PERFORMANCE_JWT_JWKS_URL', 'PERFORMANCE_JWT_SECRET'];
    problems.push(coded('PS_CONFIG_CONFLICT', { given, other }));
    return undefined;
  }
  const keys = jwksUrl !== undefined ? { jwksUrl } : secret !== undefined ? { secret } : undefined;
  if (issuer !== undefined && audience !== undefined && keys) return { issuer, audience, keys };
  const needed = [
    ['PERFORMANCE_JWT_ISSUER', issuer],
    ['PERFORMANCE_JWT_AUDIENCE', audience],
    ['PERFORMANCE_JWT_JWKS_URL or PERFORMANCE_JWT_SECRET', keys],
  ] as const;
  const missing = needed.filter(([, value]) => value === undefined).map(([name]) => name);
  if (missing.length < needed.length) {
    const names = missing.join(' and ');
    problems.push(coded('PS_CONFIG_INCOMPLETE', { feature: 'Tokens', missing: names }));
  }
  return undefined;
}
