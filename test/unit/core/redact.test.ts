import fc from 'fast-check';
import { expect, it } from 'vitest';
import { redact } from '../../../src/core/redact.ts';

it.each([
  ['no room for ann.lee+x@mail.example.org', 'no room for [email]'],
  ['card 4111 1111-1111 1111 refused', 'card [number] refused'],
  ['call +49 (30) 123456', 'call [number]'],
  ['postgres://bob:pa55@db:5432/x', 'postgres://[credentials]@db:5432/x'],
  ['Authorization: Bearer abc.def-1', 'Authorization: [secret] [secret]'],
  ['got Bearer abc.def-1', 'got Bearer [secret]'],
  ['{"password":"hunter2","a":1}', '{"password":[secret],"a":1}'],
  ['api_key=abc123&b=2', 'api_key=[secret]&b=2'],
  ['IBAN DE89 3704 0044 0532 0130 00', 'IBAN [iban]'],
  ['token eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl', 'token [token]'],
  ['at send (/srv/mail.js:120:15)', 'at send (/srv/mail.js:120:15)'],
])('%s', (text, expected) => {
  expect(redact(text, 1000)).toBe(expected);
});

it('respects the maximum length and finishes quickly for any input', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 5000 }), (text) => {
      expect(redact(text, 200).length).toBeLessThanOrEqual(200);
    }),
  );
  expect(redact(`a@${'b-'.repeat(1e6)}`, 2000).length).toBeLessThanOrEqual(2000);
});
