import { describe, expect, it } from 'vitest';
import { isLoopbackHost } from '../../../../src/core/loopback.ts';
import { generateApiKey } from '../../../../src/server/access/api-key-secret.ts';
import type { ApiKeyCheckResult } from '../../../../src/server/access/api-key-store.ts';
import {
  type AuthenticatorOptions,
  assertNotExposed,
  createAuthenticator,
  isAuthDisabled,
  type RequestCredentials,
} from '../../../../src/server/access/credential-authenticator.ts';
import { LOCAL_ADMIN, SCRAPER } from '../../../../src/server/access/principal.ts';

const KEY = generateApiKey().text;
const KNOWN: ApiKeyCheckResult = {
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

function identify(
  credentials: Partial<RequestCredentials>,
  options: Partial<AuthenticatorOptions> = {},
) {
  const keys = {
    hasAnyKey: true,
    check: async (text: string): Promise<ApiKeyCheckResult> =>
      text === KEY ? KNOWN : { rejected: 'no' },
  };
  const all = { keys, host: '127.0.0.1', metricsToken: METRICS_TOKEN, ...options };
  return createAuthenticator(all)({ isDirect: true, ...credentials });
}

const nobody = { hasAnyKey: false, check: async () => ({ rejected: 'the key is unknown' }) };
const verifyToken = async () => ({ principal: LOCAL_ADMIN });

describe('who asks', () => {
  it.each<[string, Partial<RequestCredentials>]>([
    ['as a Bearer credential', { authorization: `Bearer ${KEY}` }],
    ['in any case of letters', { authorization: `bearer  ${KEY} ` }],
    ['in a header of its own', { apiKey: KEY }],
    ["beside a proxy's own user", { authorization: 'Basic dXNlcjpwYXNz', apiKey: KEY }],
  ])('is known by a key %s', async (_what, credentials) => {
    expect(await identify(credentials)).toMatchObject({
      principal: { subject: 'key:k1', role: 'VIEWER', scope: { organizations: ['acme'] } },
    });
  });

  it('is known by a token where tokens are accepted', async () => {
    const credentials = { authorization: `Bearer ${JWT}` };
    expect(await identify(credentials, { verifyToken })).toEqual({ principal: LOCAL_ADMIN });
    expect(await identify(credentials)).toHaveProperty('rejected');
  });

  it('is a scraper by the token made for it', async () => {
    const credentials = { authorization: `Bearer ${METRICS_TOKEN}` };
    expect(await identify(credentials)).toEqual({ principal: SCRAPER });
    expect(await identify(credentials, { metricsToken: undefined })).toHaveProperty('rejected');
  });

  it.each<[string, Partial<RequestCredentials>]>([
    ['nothing is sent', {}],
    ['another scheme is used', { authorization: `Basic ${KEY}` }],
    ['the credential is empty', { authorization: 'Bearer ' }],
    ['it is neither a key nor a token', { authorization: 'Bearer hello' }],
    ['the key is wrong', { apiKey: generateApiKey().text }],
    ['it is endless', { apiKey: 'a'.repeat(10_000) }],
  ])('is not known when %s', async (_what, credentials) => {
    expect(await identify(credentials)).toHaveProperty('rejected');
    expect(await identify(credentials, { verifyToken })).toHaveProperty('rejected');
  });
});

describe('an open server', () => {
  it('takes whoever sends nothing for its administrator', async () => {
    expect(await identify({}, { keys: nobody })).toEqual({ principal: LOCAL_ADMIN });
  });

  it.each<[string, Partial<RequestCredentials>, Partial<AuthenticatorOptions>]>([
    ['a key was ever made', {}, {}],
    ['tokens are accepted', {}, { keys: nobody, verifyToken }],
    ['others reach it', {}, { keys: nobody, host: '0.0.0.0' }],
    ['a foreign page or a proxy sends it', { isDirect: false }, { keys: nobody }],
    ['the key that is sent is wrong', { apiKey: KEY }, { keys: nobody }],
  ])('it is not when %s', async (_what, credentials, options) => {
    expect(await identify(credentials, options)).toHaveProperty('rejected');
  });

  it('cannot be told while the keys are not known', async () => {
    const keys = { ...nobody, hasAnyKey: undefined };
    expect(await identify({}, { keys })).toHaveProperty('unavailable');
  });
});

describe('a server that is to listen', () => {
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
  ])('on %s with keys: %s, with tokens: %s, is %s', (host, hasKeys, hasTokens, expected) => {
    const exposure = { host, hasKeys, hasTokens };
    const listen = () => {
      assertNotExposed(exposure);
      return isAuthDisabled(exposure) ? 'open' : 'closed';
    };
    if (expected !== 'rejected') expect(listen()).toBe(expected);
    else expect(listen).toThrow(/perfscope keys create --role ADMIN/);
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
  ])('knows whether %j is loopback', (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});
