import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import {
  isDirectRequest,
  isSecureRequest,
} from '../../../../src/server/api/request/request-origin.ts';

const LOCAL = { host: '127.0.0.1:4001' };

function createRequest(
  headers: Record<string, string>,
  remoteAddress = '127.0.0.1',
  secure = false,
): Request {
  const get = (name: string) => headers[name];
  return { headers, get, secure, socket: { remoteAddress } } as unknown as Request;
}

describe('a request is secure', () => {
  it.each([
    ['from this machine', LOCAL, '127.0.0.1'],
    ['from this machine over IPv6', { host: '[::1]:4001' }, '::1'],
    ['from this machine to a dual-stack socket', { host: 'localhost' }, '::ffff:127.0.0.1'],
    ['over HTTPS to a local proxy', { host: 'perf.example', 'x-forwarded-proto': 'https' }],
    ['over HTTPS to another proxy', { host: 'p', 'x-forwarded-proto': 'HTTPS' }, '10.0.0.5'],
    ['over HTTPS, then HTTP between proxies', { host: 'p', 'x-forwarded-proto': 'https, http' }],
    ['with the standard header', { host: 'p', forwarded: 'for=10.0.0.5;proto=https;by=x' }],
    ['with a quoted protocol', { host: 'p', forwarded: 'for=10.0.0.5; Proto="https"' }],
  ])('%s', (_case, headers, address = '127.0.0.1') => {
    expect(isSecureRequest(createRequest(headers as Record<string, string>, address))).toBe(true);
  });

  it('over TLS without a proxy', () => {
    expect(isSecureRequest(createRequest({ host: 'perf.example' }, '10.0.0.5', true))).toBe(true);
  });
});

describe('a request is not secure', () => {
  it.each([
    ['from another machine', { host: 'perf.example' }, '10.0.0.5'],
    ['from another machine with a loopback host', LOCAL, '10.0.0.5'],
    ['through a proxy over HTTP', { ...LOCAL, 'x-forwarded-proto': 'http' }],
    ['through a proxy that adds the address', { ...LOCAL, 'x-forwarded-for': '203.0.113.7' }],
    ['through a proxy that adds Via', { ...LOCAL, via: '1.1 proxy' }],
    ['through a proxy that keeps the host', { host: 'perf.example' }],
    ['over HTTP, then HTTPS between proxies', { host: 'p', 'x-forwarded-proto': 'http, https' }],
    ['with the standard header over HTTP', { ...LOCAL, forwarded: 'for=10.0.0.5;proto=http' }],
    ['with HTTPS only at a later proxy', { host: 'p', forwarded: 'proto=http, proto=https' }],
    ['with a protocol that only starts with https', { host: 'p', forwarded: 'proto=httpsx' }],
    ['without a host', {}],
  ])('%s', (_case, headers, address = '127.0.0.1') => {
    expect(isSecureRequest(createRequest(headers as Record<string, string>, address))).toBe(false);
  });
});

it('a request through a proxy is not direct, even if the proxy only adds the protocol', () => {
  expect(isDirectRequest(createRequest(LOCAL))).toBe(true);
  expect(isDirectRequest(createRequest({ ...LOCAL, 'x-forwarded-proto': 'http' }))).toBe(false);
});
