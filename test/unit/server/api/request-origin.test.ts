import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import {
  findIndirectReason,
  isSecureRequest,
} from '../../../../src/server/api/request/request-origin.ts';

const LOCAL = { host: '127.0.0.1:4001' };

function createRequest(
  headers: Record<string, string>,
  remoteAddress = '127.0.0.1',
  secure = false,
  more: Partial<Pick<Request, 'httpVersion' | 'originalUrl' | 'rawHeaders'>> = {},
): Request {
  const get = (name: string) => headers[name];
  const line = { httpVersion: '1.1', originalUrl: '/', rawHeaders: Object.entries(headers).flat() };
  const socket = { remoteAddress };
  return { headers, get, secure, socket, ...line, ...more } as unknown as Request;
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
    ['through a proxy that adds the address in its own header', { ...LOCAL, 'x-real-ip': '::2' }],
    ['over HTTP, then HTTPS between proxies', { host: 'p', 'x-forwarded-proto': 'http, https' }],
    ['with the standard header over HTTP', { ...LOCAL, forwarded: 'for=10.0.0.5;proto=http' }],
    ['with HTTPS only at a later proxy', { host: 'p', forwarded: 'proto=http, proto=https' }],
    ['with a protocol that only starts with https', { host: 'p', forwarded: 'proto=httpsx' }],
    ['without a host', {}],
  ])('%s', (_case, headers, address = '127.0.0.1') => {
    expect(isSecureRequest(createRequest(headers as Record<string, string>, address))).toBe(false);
  });
});

it('a request over HTTP/1.0 is not secure, because simple proxies use this version', () => {
  const request = createRequest(LOCAL, '127.0.0.1', false, { httpVersion: '1.0' });
  expect(isSecureRequest(request)).toBe(false);
});

describe('a request is direct', () => {
  it.each([
    ['from curl', { ...LOCAL, 'user-agent': 'curl/8.5.0', accept: '*/*' }],
    ['to localhost', { host: 'localhost:4001' }],
    ['to another loopback address', { host: '127.8.9.10:4001' }],
    ['over IPv6', { host: '[::1]:4001' }],
    ['from the address bar of a browser', { ...LOCAL, 'sec-fetch-site': 'none' }],
    [
      "from the server's own page",
      {
        ...LOCAL,
        origin: 'http://127.0.0.1:4001',
        referer: 'http://127.0.0.1:4001/',
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'cors',
      },
    ],
    ['from Prometheus', { ...LOCAL, 'x-prometheus-scrape-timeout-seconds': '10' }],
    ['from a traced application', { ...LOCAL, traceparent: '00-1-2-01', 'x-amzn-trace-id': 'a' }],
  ])('%s', (_case, headers) => {
    expect(findIndirectReason(createRequest(headers as Record<string, string>))).toBeUndefined();
  });
});

describe('a request is not direct', () => {
  it.each([
    ['from another machine', LOCAL, '10.0.0.5'],
    ['without a host', {}],
    ['for another host', { host: 'perfscope.example' }],
    ['for a host that only starts with a loopback address', { host: '127.0.0.1.example:4001' }],
    ['for a host with a user name', { host: 'evil.example@127.0.0.1:4001' }],
    ['for a host with a path', { host: '127.0.0.1:4001/evil.example' }],
    ['for a numeric host that URL parsers normalize', { host: '2130706433:4001' }],
    ['from another origin', { ...LOCAL, origin: 'https://evil.example' }],
    ['from another server on this machine', { ...LOCAL, origin: 'http://127.0.0.1:3000' }],
    ['from a page without an origin', { ...LOCAL, origin: 'null' }],
    ['from a page of another site', { ...LOCAL, 'sec-fetch-site': 'cross-site' }],
    ['from a page of the same site', { ...LOCAL, 'sec-fetch-site': 'same-site' }],
    ['from a link on another site', { ...LOCAL, referer: 'https://evil.example/' }],
    ['from a site with a similar name', { ...LOCAL, referer: 'http://127.0.0.1:4001.example/' }],
  ])('%s', (_case, headers, address = '127.0.0.1') => {
    const request = createRequest(headers as Record<string, string>, address);
    expect(findIndirectReason(request)).toBeTypeOf('string');
  });

  it.each([
    ...['via', 'forwarded', 'x-forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'],
    ...['x-forwarded-proto', 'x-forwarded-port', 'x-forwarded-server', 'x-forwarded-prefix'],
    ...['x-client-ip', 'x-cluster-client-ip', 'client-ip', 'true-client-ip', 'wl-proxy-client-ip'],
    ...['cf-connecting-ip', 'cf-ray', 'fly-client-ip', 'fastly-client-ip', 'cdn-loop'],
    ...[
      'x-original-url',
      'x-original-forwarded-for',
      'x-envoy-external-address',
      'x-request-start',
    ],
    ...['x-queue-start', 'x-azure-clientip', 'x-arr-log-id', 'x-varnish'],
    ...['x-remote-addr', 'x-auth-request-user', 'x-scheme', 'x-host', 'front-end-https'],
    ...['x-ssl-client-verify', 'surrogate-capability', 'max-forwards', 'early-data'],
  ])('with the proxy header %s', (name) => {
    expect(findIndirectReason(createRequest({ ...LOCAL, [name]: 'x' }))).toContain(name);
  });

  it.each([
    ['over HTTP/1.0', { httpVersion: '1.0' }],
    ['with a complete URL', { originalUrl: 'http://evil.example/api/performance/keys' }],
    ['with several hosts', { rawHeaders: ['Host', '127.0.0.1:4001', 'host', 'evil.example'] }],
  ])('%s', (_case, more) => {
    expect(findIndirectReason(createRequest(LOCAL, '127.0.0.1', false, more))).toBeTypeOf('string');
  });
});
