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

function token(claims: JWTPayload, key: Key = bytes, changes: Changes & { kid?: string } = {}) {
  const { alg = 'HS256', iss = ISSUER, aud = AUDIENCE, exp = '5m', kid } = changes;
  const header: JWTHeaderParameters = kid ? { alg, kid } : { alg };
  const draft = new SignJWT(claims).setProtectedHeader(header).setIssuer(iss).setAudience(aud);
  return (exp === null ? draft : draft.setExpirationTime(exp)).sign(key);
}

describe('a token with a shared secret', () => {
  it('says who asks, and what it may see', async () => {
    const viewer = { ...VIEWER, properties: ['sea'] };
    expect(await bySecret(await token(viewer))).toMatchObject({
      principal: {
        subject: 'token:ann',
        role: 'VIEWER',
        scope: { organizations: ['acme'], properties: ['sea'], hosts: false },
      },
    });
  });

  it('may carry its role in a claim of ours, which comes before the general one', async () => {
    const claims = { ...VIEWER, role: 'superuser', perfscope_role: 'ORG_ADMIN' };
    expect(await bySecret(await token(claims))).toMatchObject({ principal: { role: 'ORG_ADMIN' } });
  });

  const now = Math.floor(Date.now() / 1000);
  it.each<[string, JWTPayload, Changes?, Key?]>([
    ['of another issuer', VIEWER, { iss: 'https://evil.example' }],
    ['for another audience', VIEWER, { aud: 'billing' }],
    ['that has expired', VIEWER, { exp: now - 6 }],
    ['that never expires', VIEWER, { exp: null }],
    ['that is not valid yet', { ...VIEWER, nbf: now + 60 }],
    ['with another secret', VIEWER, {}, new TextEncoder().encode(`${SECRET}!`)],
    ['with another algorithm', VIEWER, { alg: 'HS512' }],
    ['without a subject', { ...VIEWER, sub: undefined as never }],
    ['with an empty subject', { ...VIEWER, sub: '' }],
    ['without a role', { ...VIEWER, role: undefined }],
    ['with an unknown role', { ...VIEWER, role: 'ROOT' }],
    ['with a role of everything that has a name', { ...VIEWER, role: 'constructor' }],
    ['with the role of scrapers, which is not given', { ...VIEWER, role: 'SCRAPE' }],
    ['with several roles', { ...VIEWER, role: ['VIEWER'] }],
    ['without its organization', { ...VIEWER, organization_id: undefined }],
    ['with an organization that is no text', { ...VIEWER, organization_id: ['acme'] }],
    ['with properties that are no list', { ...VIEWER, properties: 'sea' }],
    ['with no property at all', { ...VIEWER, properties: [] }],
    ['of an ADMIN of one organization', { ...VIEWER, role: 'ADMIN' }],
  ])('is refused %s', async (_what, claims, changes, key) => {
    expect(await bySecret(await token(claims, key, changes))).toHaveProperty('rejected');
  });

  it('may be five seconds late, because clocks differ', async () => {
    const late = await token(VIEWER, bytes, { exp: Math.floor(Date.now() / 1000) - 2 });
    expect(await bySecret(late)).toHaveProperty('principal');
  });

  it('is refused without a signature', async () => {
    const draft = new UnsecuredJWT(VIEWER).setIssuer(ISSUER).setAudience(AUDIENCE);
    expect(await bySecret(draft.setExpirationTime('5m').encode())).toHaveProperty('rejected');
  });

  it('is refused when any letter of it is changed, and quotes nothing of it', async () => {
    const good = await token(VIEWER);
    // The last letter's lowest bits are beyond the signature's bytes.
    for (let i = 0; i < good.length - 1; i += 3) {
      const changed = good.slice(0, i) + (good[i] === 'A' ? 'B' : 'A') + good.slice(i + 1);
      const answer = await bySecret(changed);
      expect(answer).toHaveProperty('rejected');
      expect(JSON.stringify(answer)).not.toContain(good.slice(-20));
    }
  });
});

describe("a token with the issuer's public keys", () => {
  let server: Server;
  let url: string;
  let rsa: Awaited<ReturnType<typeof generateKeyPair>>;
  let asked = 0;
  let up = true;
  const check = () =>
    createTokenVerifier({ issuer: ISSUER, audience: AUDIENCE, keys: { jwksUrl: url } });

  beforeAll(async () => {
    rsa = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(rsa.publicKey)), kid: 'k1' };
    server = createServer((_request, response) => {
      asked++;
      response.statusCode = up ? 200 : 500;
      response.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterAll(() => server.close());

  it('is accepted; the keys are fetched once', async () => {
    const before = asked;
    const verifyToken = check();
    for (let i = 0; i < 3; i++) {
      const good = await token(VIEWER, rsa.privateKey, { alg: 'RS256', kid: 'k1' });
      expect(await verifyToken(good)).toHaveProperty('principal');
    }
    expect(asked - before).toBe(1);
  });

  it('is refused when the public key was taken for a shared secret', async () => {
    const pem = new TextEncoder().encode(await exportSPKI(rsa.publicKey));
    for (const kid of ['k1', '']) {
      const forged = await token(VIEWER, pem, { alg: 'HS256', kid });
      expect(await check()(forged)).toHaveProperty('rejected');
    }
  });

  it('is refused where a shared secret is expected', async () => {
    const good = await token(VIEWER, rsa.privateKey, { alg: 'RS256', kid: 'k1' });
    expect(await bySecret(good)).toHaveProperty('rejected');
  });

  it('is refused when its key is none of the issuer', async () => {
    const other = await generateKeyPair('RS256');
    for (const kid of ['k1', 'k2']) {
      const forged = await token(VIEWER, other.privateKey, { alg: 'RS256', kid });
      expect(await check()(forged)).toHaveProperty('rejected');
    }
  });

  it('cannot be checked, which is no refusal, while the issuer does not answer', async () => {
    const good = await token(VIEWER, rsa.privateKey, { alg: 'RS256', kid: 'k1' });
    up = false;
    expect(await check()(good)).toHaveProperty('unavailable');
    up = true;
    const keys = { jwksUrl: 'http://127.0.0.1:9/' };
    const nowhere = createTokenVerifier({ issuer: ISSUER, audience: AUDIENCE, keys });
    expect(await nowhere(good)).toHaveProperty('unavailable');
  });
});
