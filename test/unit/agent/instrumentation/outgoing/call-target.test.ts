import { expect, it } from 'vitest';
import {
  getHostTarget,
  getOriginTarget,
} from '../../../../../src/agent/instrumentation/outgoing/call-target.ts';

it.each([
  ['https://Payments.example', 'payments.example', 443, 'payments.example'],
  ['http://payments.example:8080', 'payments.example', 8080, 'payments.example:8080'],
  ['http://user:secret@payments.example/path?q', 'payments.example', 80, 'payments.example'],
  ['http://127.0.0.1:3000', '127.0.0.1', 3000, '127.0.0.1:3000'],
  ['http://[::1]:3000', '::1', 3000, '[::1]:3000'],
  ['not a URL', '(unknown)', undefined, '(unknown)'],
  [undefined, '(unknown)', undefined, '(unknown)'],
  [new URL('http://user:secret@a.example:81/x'), 'a.example', 81, 'a.example:81'],
])('finds the host of the origin %s', (origin, address, port, name) => {
  expect(getOriginTarget(origin)).toEqual({ address, port, name });
});

it.each([
  ['http:', 'a.example', 'a.example:8080', 'a.example:8080', 8080],
  ['https:', 'a.example', 'a.example', 'a.example', 443],
  ['http:', '::1', '[::1]:3000', '[::1]:3000', 3000],
  // Applications can send any header.
  ['http:', 'a.example', 'secret.example:8080', 'a.example', undefined],
  ['http:', 'a.example', 'a.example:8080 secret', 'a.example', undefined],
  ['http:', 'a.example', undefined, 'a.example', undefined],
  ['http:', 'a.example', ['a.example:1'], 'a.example', undefined],
])('finds the target of %s %s with the header %j', (protocol, host, header, name, port) => {
  expect(getHostTarget(protocol, host, header)).toMatchObject({ name, port });
});

it('keeps a limited number of targets in memory', () => {
  const first = getOriginTarget('http://first.example');
  expect(getOriginTarget('http://first.example')).toBe(first);
  for (let i = 0; i < 2000; i++) getOriginTarget(`http://host-${i}.example`);
  expect(getOriginTarget('http://first.example')).not.toBe(first);
});
