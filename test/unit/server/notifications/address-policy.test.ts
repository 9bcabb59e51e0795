import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../../../src/core/duration.ts';
import {
  AddressNotAllowedError,
  createPolicyLookup,
  getAddressError,
  getUrlError,
} from '../../../../src/server/notifications/outgoing-http/address-policy.ts';
import { parseRetryAfter } from '../../../../src/server/notifications/outgoing-http/http-delivery.ts';

const publicOnly = { allowHttp: false, allowPrivate: false };
const privateAllowed = { allowHttp: true, allowPrivate: true };

describe('getAddressError', () => {
  it.each(['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946', '::ffff:93.184.216.34'])(
    'allows the public address %s',
    (address) => expect(getAddressError(address, publicOnly)).toBeUndefined(),
  );

  it.each([
    ...['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '127.0.0.1', '127.9.9.9'],
    ...['::1', 'fd00::1', '::ffff:10.0.0.1', '::ffff:7f00:1'],
  ])('requires allowPrivate for the private address %s', (address) => {
    expect(getAddressError(address, publicOnly)).toMatch(/`allowPrivate` does not allow/);
    expect(getAddressError(address, privateAllowed)).toBeUndefined();
  });

  it.each([
    ...['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254', 'fd00:ec2::254'],
    ...['100.100.100.200', '0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1'],
    // IPv6 forms of private addresses: IPv4-compatible, NAT64, 6to4, Teredo, site-local.
    ...['::a00:1', '64:ff9b::a00:1', '64:ff9b:1::a00:1', '2002:a00:1::', '2001::1', 'fec0::1'],
  ])('requires a list entry for the special address %s', (address) => {
    expect(getAddressError(address, privateAllowed)).toMatch(/does not allow/);
    const network = address.includes('.') && !address.includes(':') ? `${address}/32` : undefined;
    if (network) {
      expect(getAddressError(address, { ...publicOnly, allowPrivate: [network] })).toBeUndefined();
    }
  });

  it('allows only the networks in a list', () => {
    const listed = { ...publicOnly, allowPrivate: ['10.1.0.0/16', 'fd12::/16'] };
    for (const address of ['10.1.2.3', 'fd12::9', '::ffff:10.1.2.3']) {
      expect(getAddressError(address, listed)).toBeUndefined();
    }
    for (const address of ['10.2.0.1', 'fd13::9', '127.0.0.1', '::ffff:10.2.0.1']) {
      expect(getAddressError(address, listed)).toMatch(/does not allow/);
    }
  });

  it('rejects text that is not an IP address', () => {
    expect(getAddressError('hotel', privateAllowed)).toBe('hotel is not an IP address');
  });
});

describe('getUrlError', () => {
  it.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://localhost/',
    'https://169.254.169.254/latest',
    'http://hooks.example/',
    'https://ann:pass@hooks.example/',
    'ftp://hooks.example/',
  ])('rejects %s', (url) => {
    expect(getUrlError(new URL(url), publicOnly)).toBeDefined();
    expect(getUrlError(new URL(url), publicOnly)).not.toContain('pass@');
  });

  it('allows public HTTPS URLs, and private HTTP URLs if configured', () => {
    expect(getUrlError(new URL('https://hooks.example/'), publicOnly)).toBeUndefined();
    expect(getUrlError(new URL('http://localhost:9093/'), privateAllowed)).toBeUndefined();
  });
});

it('rejects a hostname that resolves to a blocked address', async () => {
  const resolve = (policy: typeof publicOnly) =>
    promisify<string, object, { address: string }[]>(createPolicyLookup(policy) as never)(
      'localhost',
      {
        all: true,
      },
    );
  await expect(resolve(publicOnly)).rejects.toThrow(AddressNotAllowedError);
  await expect(resolve(publicOnly)).rejects.toThrow(/^localhost resolves to /);
  expect((await resolve(privateAllowed)).map(({ address }) => address)).toContain('127.0.0.1');
});

it.each([
  ['7', 7000],
  ['0', 0],
  ['Wed, 25 Nov 2026 08:00:30 GMT', 30_000],
  ['Wed, 25 Nov 2026 07:00:00 GMT', 0],
  ['99999999', DAY_MS],
  ['soon', undefined],
  [undefined, undefined],
])('parses Retry-After: %s', (text, expected) => {
  expect(parseRetryAfter(text, Date.UTC(2026, 10, 25, 8))).toBe(expected);
});
