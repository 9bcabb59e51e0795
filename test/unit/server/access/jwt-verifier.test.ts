import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../../../src/server/access/jwt-verifier.ts';

const SECRET = 'a secret of at least thirty-two bytes';
const ISSUER = 'https://login.example';
const AUDIENCE = 'perfscope';
const VIEWER = { sub: 'ann', role: 'VIEWER', organization_id: 'acme' };
const bytes = new TextEncoder().encode(SECRET);
const bySecret = createTokenVerifier({
  issuer: ISSUER,
  audience: AUDIENCE,
  keys: { secret: SECRET },
});

type Changes = { alg?: string; iss?: string; aud?: string; exp?: string | number | null };
type Key = Parameters<SignJWT['sign']>[0];

function signToken(claims: JWTPayload, key: Key = bytes, changes: Changes & { kid?: string } = {}) {
  const { alg = 'HS256', iss = ISSUER, aud = AUDIENCE, exp = '5m', kid } = changes;
  const header: JWTHeaderParameters = kid ? { alg, kid } : { alg };
  const draft = new SignJWT(claims).setProtectedHeader(header).setIssuer(iss).setAudience(aud);
  return (exp === null ? draft : draft.setExpirationTime(exp)).sign(key);
}

describe('a token with a shared secret', () => {
  it('identifies the caller and the visible tenants', async () => {
    const viewer = { ...VIEWER, properties: ['sea'] };
    expect(await bySecret(await signToken(viewer))).toMatchObject({
      principal: {
        subject: 'token:ann',
        role: 'VIEWER',
        scope: { organizations: ['acme'], properties: ['sea'], hosts: false },
      },
    });
  });

  it('can contain the role as perfscope_role, which has priority over role', async () => {
    const claims = { ...VIEWER, role: 'superuser', perfscope_role: 'ORG_ADMIN' };
    expect(await bySecret(await signToken(claims))).toMatchObject({
      principal: { role: 'ORG_ADMIN' },
    });
  });

  const now = Math.floor(Date.now() / 1000);
  it.each<[string, JWTPayload, Changes?, Key?]>([
    ['from another issuer', VIEWER, { iss: 'https://evil.example' }],
    ['for another audience', VIEWER, { aud: 'billing' }],
    ['that has expired', VIEWER, { exp: now - 6 }],
    ['that never expires', VIEWER, { exp: null }],
    ['that is not valid yet', { ...VIEWER, nbf: now + 86_400 }],
    ['with another secret', VIEWER, {}, new TextEncoder().encode(`${SECRET}!`)],
    ['with another algorithm', VIEWER, { alg: 'HS512' }],
    ['without a subject', { ...VIEWER, sub: undefined as never }],
    ['with an empty subject', { ...VIEWER, sub: '' }],
    ['without a role', { ...VIEWER, role: undefined }],
    ['with an unknown role', { ...VIEWER, role: 'ROOT' }],
    ['with a role that is an inherited property name', { ...VIEWER, role: 'constructor' }],
    ['with the internal role SCRAPE', { ...VIEWER, role: 'SCRAPE' }],
    ['with several roles', { ...VIEWER, role: ['VIEWER'] }],
    ['without its organization', { ...VIEWER, organization_id: undefined }],
    ['with an organization that is not a string', { ...VIEWER, organization_id: ['acme'] }],
    ['with properties that are not a list', { ...VIEWER, properties: 'sea' }],
    ['with an empty list of properties', { ...VIEWER, properties: [] }],
    ['for an ADMIN of one organization', { ...VIEWER, role: 'ADMIN' }],
  ])('is rejected %s', async (_case, claims, changes, key) => {
    expect(await bySecret(await signToken(claims, key, changes))).toHaveProperty('rejected');
  });

  it('is accepted up to 5 s after it expires, because clocks differ', async () => {
    const late = await signToken(VIEWER, bytes, { exp: Math.floor(Date.now() / 1000) - 2 });
    expect(await bySecret(late)).toHaveProperty('principal');
  });

  it('is rejected without a signature', async () => {
    const draft = new UnsecuredJWT(VIEWER).setIssuer(ISSUER).setAudience(AUDIENCE);
    expect(await bySecret(draft.setExpirationTime('5m').encode())).toHaveProperty('rejected');
  });

  it('is rejected after any change, and the result does not contain the token', async () => {
    const good = await signToken(VIEWER);
    // Skips the last character: its lowest bits aren't part of the signature.
    for (let i = 0; i < good.length - 1; i += 3) {
      const changed = good.slice(0, i) + (good[i] === 'A' ? 'B' : 'A') + good.slice(i + 1);
      const result = await bySecret(changed);
      expect(result).toHaveProperty('rejected');
      expect(JSON.stringify(result)).not.toContain(good.slice(-20));
    }
  });
});

describe("a token with the issuer's public keys", () => {
  let server: Server;
  let url: string;
  let rsa: Awaited<ReturnType<typeof generateKeyPair>>;
  let requestCount = 0;
  let isUp = true;
  const createVerifier = () =>
    createTokenVerifier({ issuer: ISSUER, audience: AUDIENCE, keys: { jwksUrl: url } });

  beforeAll(async () => {
    rsa = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(rsa.publicKey)), kid: 'k1' };
    server = createServer((_request, response) => {
      requestCount++;
      response.statusCode = isUp ? 200 : 500;
      response.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterAll(() => server.close());

  it('is accepted, and the keys are fetched only once', async () => {
    const before = requestCount;
    const verifyToken = createVerifier();
    for (let i = 0; i < 3; i++) {
      const good = await signToken(VIEWER, rsa.privateKey, { alg: 'RS256', kid: 'k1' });
      expect(await verifyToken(good)).toHaveProperty('principal');
    }
    expect(requestCount - before).toBe(1);
  });

  it('is rejected if it was signed with the public key as a shared secret', async () => {
    const pem = new TextEncoder().encode(await exportSPKI(rsa.publicKey));
    for (const kid of ['k1', '']) {
      const forged = await signToken(VIEWER, pem, { alg: 'HS256', kid });
      expect(await createVerifier()(forged)).toHaveProperty('rejected');
    }
  });

  it('is rejected if a shared secret is expected', async () => {
    const good = await signToken(VIEWER, rsa.privateKey, { alg: 'RS256', kid: 'k1' });
    expect(await bySecret(good)).toHaveProperty('rejected');
  });

  it("is rejected if the key isn't one of the issuer's keys", async () => {
    const other = await generateKeyPair('RS256');
    for (const kid of ['k1', 'k2']) {
      const forged = await signToken(VIEWER, other.privateKey, { alg: 'RS256', kid });
      expect(await createVerifier()(forged)).toHaveProperty('rejected');
    }
  });

  it("is neither accepted nor rejected if the issuer doesn't respond", async () => {
    const good = await signToken(VIEWER, rsa.privateKey, { alg: 'RS256', kid: 'k1' });
    isUp = false;
    expect(await createVerifier()(good)).toHaveProperty('unavailable');
    isUp = true;
    const keys = { jwksUrl: 'http://127.0.0.1:9/' };
    const verifyUnreachable = createTokenVerifier({ issuer: ISSUER, audience: AUDIENCE, keys });
    expect(await verifyUnreachable(good)).toHaveProperty('unavailable');
  });
});
