import { describe, expect, it } from 'vitest';
import { isLoopbackHost } from '../../../../src/core/loopback.ts';
import { generateApiKey } from '../../../../src/server/access/api-key-secret.ts';
import type { ApiKeyCheckResult } from '../../../../src/server/access/api-key-store.ts';
import {
  type AuthenticatorOptions,
  assertNotExposed,
  createAuthenticator,
  formatAccessNotice,
  formatFirstKeyNotice,
  isAuthDisabled,
  type RequestCredentials,
} from '../../../../src/server/access/check-credentials.ts';
import {
  KEYLESS_LOCAL_ADMIN,
  LOCAL_ADMIN,
  SCRAPER,
} from '../../../../src/server/access/principal.ts';

const KEY = generateApiKey().text;
const VALID: ApiKeyCheckResult = {
  key: {
    id: 'k1',
    name: 'n',
    role: 'VIEWER',
    organizationId: 'acme',
    hash: '',
    createdAt: 0,
    author: 'local',
  },
};
const METRICS_TOKEN = 'the token of Prometheus';
const JWT = 'aaa.bbb.ccc';
const LOCAL_TOKEN = 'the token of the discovery file';
const INDIRECT = { indirectReason: 'a proxy sent it' };

function identify(
  credentials: Partial<RequestCredentials>,
  options: Partial<AuthenticatorOptions> = {},
) {
  const keys = {
    hasAnyKey: true,
    check: async (text: string): Promise<ApiKeyCheckResult> =>
      text === KEY ? VALID : { rejected: 'no' },
  };
  const all = {
    keys,
    host: '127.0.0.1',
    hasPublicUrl: false,
    metricsToken: METRICS_TOKEN,
    localToken: LOCAL_TOKEN,
    ...options,
  } as AuthenticatorOptions;
  return createAuthenticator(all)({ indirectReason: undefined, ...credentials });
}

const noKeys = { hasAnyKey: false, check: async () => ({ rejected: 'the key is unknown' }) };
const verifyToken = async () => ({ principal: LOCAL_ADMIN });

describe('createAuthenticator', () => {
  it.each<[string, Partial<RequestCredentials>]>([
    ['as a Bearer token', { authorization: `Bearer ${KEY}` }],
    ['with a lowercase scheme', { authorization: `bearer  ${KEY} ` }],
    ['in the X-API-Key header', { apiKey: KEY }],
    ["in addition to a proxy's credentials", { authorization: 'Basic dXNlcjpwYXNz', apiKey: KEY }],
  ])('accepts a key %s', async (_case, credentials) => {
    expect(await identify(credentials)).toMatchObject({
      principal: { subject: 'key:k1', role: 'VIEWER', scope: { organizations: ['acme'] } },
    });
  });

  it.each<[string, object]>([
    ['an ORG_ADMIN key without an organization', { role: 'ORG_ADMIN', organizationId: undefined }],
    ['an INGEST key with an empty organization', { role: 'INGEST', organizationId: '' }],
    ['an INGEST key with properties', { role: 'INGEST', properties: ['north'] }],
    ['an ADMIN key with an organization', { role: 'ADMIN' }],
  ])('rejects %s, which could give more access than intended', async (_case, stored) => {
    const key = { ...('key' in VALID ? VALID.key : undefined), ...stored };
    const keys = { hasAnyKey: true, check: async () => ({ key }) };
    expect(await identify({ apiKey: KEY }, { keys } as never)).toEqual({
      rejected: expect.stringContaining('the key is invalid') as string,
    });
  });

  it('accepts a JWT only if JWTs are enabled', async () => {
    const credentials = { authorization: `Bearer ${JWT}` };
    expect(await identify(credentials, { verifyToken })).toEqual({ principal: LOCAL_ADMIN });
    expect(await identify(credentials)).toHaveProperty('rejected');
  });

  it('accepts the metrics token for scraping', async () => {
    const credentials = { authorization: `Bearer ${METRICS_TOKEN}` };
    expect(await identify(credentials)).toEqual({ principal: SCRAPER });
    expect(await identify(credentials, { metricsToken: undefined })).toHaveProperty('rejected');
  });

  it.each<[string, Partial<RequestCredentials>]>([
    ['there are no credentials', {}],
    ['the scheme is not Bearer', { authorization: `Basic ${KEY}` }],
    ['the credential is empty', { authorization: 'Bearer ' }],
    ['the credential is neither a key nor a JWT', { authorization: 'Bearer hello' }],
    ['the key is wrong', { apiKey: generateApiKey().text }],
    ['the credential is too long', { apiKey: 'a'.repeat(10_000) }],
  ])('rejects the request if %s', async (_case, credentials) => {
    expect(await identify(credentials)).toHaveProperty('rejected');
    expect(await identify(credentials, { verifyToken })).toHaveProperty('rejected');
  });
});

it.each([
  [undefined, 'the request contains no API key in the header `Authorization` or `X-API-Key`'],
  [
    `Bearer%20${KEY}`,
    'the Authorization header contains `Bearer%20`: write a space instead of `%20`',
  ],
  [`Bearer+${KEY}`, 'the Authorization header contains `Bearer+`: write a space instead of `+`'],
  [
    `"Bearer ${KEY}"`,
    'the Authorization header starts with a quotation mark, which must be removed',
  ],
  [KEY, 'the Authorization header contains a key or token without `Bearer` before it'],
  [JWT, 'the Authorization header contains a key or token without `Bearer` before it'],
  [`Basic ${KEY}`, 'the Authorization header does not start with `Bearer`'],
  [`Bearer: ${KEY}`, 'the Authorization header does not start with `Bearer`'],
])('the reason describes the mistake in the header %#', async (authorization, rejected) => {
  expect(await identify({ authorization })).toEqual({ rejected });
});

describe('the local token', () => {
  it.each<[string, Partial<AuthenticatorOptions>]>([
    ['before a key is created', { keys: noKeys }],
    ['after a key was created', {}],
    ['if the server has a public URL', { keys: noKeys, hasPublicUrl: true }],
    ['if other machines can reach the server', { host: '0.0.0.0' }],
  ])('gives admin access to direct requests %s', async (_case, options) => {
    const result = await identify({ localToken: LOCAL_TOKEN }, options);
    expect(result).toEqual({ principal: LOCAL_ADMIN });
  });

  it.each<[string, Partial<RequestCredentials>, Partial<AuthenticatorOptions>]>([
    ['is wrong', { localToken: `${LOCAL_TOKEN}x` }, { keys: noKeys }],
    ['is empty', { localToken: '' }, { keys: noKeys }],
    ['is too long', { localToken: 'a'.repeat(10_000) }, { keys: noKeys }],
    ['comes through a proxy', { localToken: LOCAL_TOKEN, ...INDIRECT }, { keys: noKeys }],
    ['is sent as a key', { apiKey: LOCAL_TOKEN }, { keys: noKeys }],
    ['is unknown to the server', { localToken: 'undefined' }, { localToken: undefined }],
  ])('is rejected if it %s', async (_case, credentials, options) => {
    expect(await identify(credentials, options)).toHaveProperty('rejected');
  });
});

describe('without authentication', () => {
  it('a request without credentials has access, but is marked as keyless', async () => {
    expect(await identify({}, { keys: noKeys })).toEqual({ principal: KEYLESS_LOCAL_ADMIN });
    expect(KEYLESS_LOCAL_ADMIN.isKeyless).toBe(true);
    expect(LOCAL_ADMIN.isKeyless).toBeUndefined();
  });

  it('a rejection contains the reason why the request is not direct', async () => {
    expect(await identify(INDIRECT, { keys: noKeys })).toMatchObject({
      rejected: expect.stringContaining('a proxy sent it'),
    });
  });

  it.each<[string, Partial<RequestCredentials>, Partial<AuthenticatorOptions>]>([
    ['a key was ever created', {}, {}],
    ['JWTs are accepted', {}, { keys: noKeys, verifyToken }],
    ['other machines can reach the server', {}, { keys: noKeys, host: '0.0.0.0' }],
    ['another site or a proxy sends the request', INDIRECT, { keys: noKeys }],
    ['the server has a public URL', {}, { keys: noKeys, hasPublicUrl: true }],
    ['the key in the request is wrong', { apiKey: KEY }, { keys: noKeys }],
  ])('a request is rejected if %s', async (_case, credentials, options) => {
    expect(await identify(credentials, options)).toHaveProperty('rejected');
  });

  it('requests cannot be authenticated until the keys are loaded', async () => {
    const keys = { ...noKeys, hasAnyKey: undefined };
    expect(await identify({}, { keys })).toHaveProperty('unavailable');
  });
});

describe('a starting server', () => {
  it.each([
    ['127.0.0.1', false, false, 'open'],
    ['localhost', false, false, 'open'],
    ['::1', false, false, 'open'],
    ['127.0.0.1', true, false, 'closed'],
    ['127.0.0.1', false, true, 'closed'],
    ['0.0.0.0', true, false, 'closed'],
    ['::', false, true, 'closed'],
    ['0.0.0.0', false, false, 'rejected'],
    ['::', false, false, 'rejected'],
    ['192.168.1.5', false, false, 'rejected'],
    ['perfscope.example', false, false, 'rejected'],
  ])('on %s (any keys: %s, JWTs enabled: %s) is %s', (host, hasKeys, hasTokens, expected) => {
    const exposure = { host, hasKeys, hasTokens, hasPublicUrl: false };
    const listen = () => {
      assertNotExposed(exposure);
      return isAuthDisabled(exposure) ? 'open' : 'closed';
    };
    if (expected !== 'rejected') expect(listen()).toBe(expected);
    else expect(listen).toThrow(/perfscope keys create --role ADMIN/);
  });

  it.each([
    ['is open', { hasPublicUrl: false }, /every local user.*[Bb]ehind any proxy/],
    ['has a public URL', { hasPublicUrl: true }, /PERFORMANCE_PUBLIC_URL.*perfscope keys create/],
    ['has a key', { hasKeys: true }, undefined],
    ['accepts JWTs', { hasTokens: true }, undefined],
  ])('that %s prints a suitable line about keys', (_case, change, expected) => {
    const exposure = { host: '127.0.0.1', hasKeys: false, hasTokens: false, hasPublicUrl: false };
    const notice = formatAccessNotice({ ...exposure, ...change });
    if (expected) expect(notice).toMatch(expected);
    else expect(notice).toBeUndefined();
  });

  it.each([
    ['127.8.9.10', true],
    ['[::1]', true],
    ['::ffff:127.0.0.1', true],
    ['LOCALHOST', true],
    ['localhost.example', false],
    ['127.0.0.1.example', false],
    ['::ffff:10.0.0.1', false],
    ['', false],
  ])('detects whether %j is a loopback host', (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

describe('the notice about the first key', () => {
  it('says that keyless access has ended, and how to read data if the key can only send', () => {
    const ended =
      'Keyless access has ended: from now on, each sender, reader, and the web UI needs a key (`Authorization: Bearer …`).';
    expect(formatFirstKeyNotice('ADMIN')).toEqual([ended]);
    expect(formatFirstKeyNotice('VIEWER')).toEqual([ended]);
    expect(formatFirstKeyNotice('INGEST')).toEqual([
      ended,
      "The INGEST key can't read data. To read data, run `perfscope keys create --role ADMIN --name admin`.",
    ]);
  });
});
