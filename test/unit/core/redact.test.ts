import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REDACTION_RULES, redact } from '../../../src/core/redact.ts';
import { HOSTILE_FRAGMENTS } from '../../support/hostile-text.ts';

/** Keys are composed here, so that secret scanners don't report this file. */
const KEYS = [
  ['AKIA', 'IOSFODNN7EXAMPLE'],
  ['ASIA', 'IOSFODNN7EXAMPLE'],
  ['ghp_', '16C7e42F292c6912E7710c838347Ae178B4a'],
  ['gho_', '16C7e42F292c6912E7710c838347Ae178B4a'],
  ['ghs_', '16C7e42F292c6912E7710c838347Ae178B4a'],
  ['github_pat_', '11ABCDEFG0abcdefghij_klmnopqrstuv'],
  ['glpat-', 'abcDEF-1234567890xyz'],
  ['sk_live_', '51HabcdefGHI23456789'],
  ['rk_live_', '51HabcdefGHI23456789'],
  ['whsec_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  ['xoxb-', '123456789012-1234567890123-abcDEFghiJKL'],
  ['xapp-', '1-A012345-1234567890-abcdef0123456789'],
  ['AIza', 'SyDdI0hCZtE6vySjMm-WEfRq3CPzqKqqsHI'],
  ['npm_', 'abcdefghijklmnopqrstuvwxyz0123456789'],
  ['SG.', 'abcDEF1234567890.klmnopqrstuvwxyz012345'],
  ['sk-', 'abcdefghijklmnopqrstT3BlbkFJ0123456789'],
  ['sk-ant-', 'api03-abcdefghijk_lmnopqr-stuv'],
  ['psk_', 'abc123_def456'],
  ['https://hooks.slack.com/services/', 'T00000000/B00000000/XXXXXXXXXXXX'],
] as const;

const letters = (alphabet: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });
const UPPERCASE_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const random = letters(UPPERCASE_AND_DIGITS, 8, 60);
const password = letters(`${UPPERCASE_AND_DIGITS}!@#$%^*+/=~-_.:?`, 8, 60);

/** Text with a secret, and the secret alone. */
const secretText: fc.Arbitrary<{ text: string; secret: string }> = fc.oneof(
  password.map((secret) => ({ text: `DB_PASSWORD=X${secret}`, secret })),
  password.map((secret) => ({ text: `access_token: X${secret}`, secret })),
  password.map((secret) => ({ text: `postgres://user:${secret}X@host/db`, secret })),
  fc
    .string({ unit: 'binary-ascii', minLength: 8, maxLength: 60 })
    .map((secret) => JSON.stringify({ client_secret: secret }))
    .map((text) => ({ text, secret: text.slice('{"client_secret":"'.length, -2) })),
  random.map((secret) => ({ text: `Cookie: a=1; b=2; c=${secret}; d=3`, secret })),
  random.map((secret) => ({ text: `Authorization: Basic ${secret}==`, secret })),
  random.map((secret) => ({ text: `/x?X-Amz-Signature=${secret}&b=1`, secret })),
  random.map((secret) => ({ text: `eyJ${secret}.eyJ${secret}.${secret}`, secret })),
  random.map((secret) => ({ text: `${secret}@example.org`, secret })),
  letters(UPPERCASE_AND_DIGITS, 40, 60).chain((secret) =>
    fc
      .constantFrom(...KEYS.filter(([prefix]) => !/^(?:npm_|sk-|xapp-)$/.test(prefix)))
      .map(([prefix]) => ({ text: `${prefix}${secret}`, secret })),
  ),
  letters('ABCDEFGHIJKLMNOPQRSTUVWXYZ/+', 64, 3000).map((secret) => ({
    text: `-----BEGIN PRIVATE KEY-----\n${secret.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----`,
    secret,
  })),
  letters('123456789', 16, 16).map((digits) => {
    const secret = digits.replace(/.{4}(?=.)/g, '$& ');
    return { text: `card ${secret}`, secret };
  }),
);

/** Fragments that patterns combine. */
const IDEMPOTENCE_FRAGMENTS = [
  ...['password', 'token', 'secret', 'API_KEY', 'dbPass', 'Cookie', 'Authorization', 'sig', '?key'],
  ...[
    '=',
    ': ',
    ':',
    '"',
    "'",
    '\\"',
    ' ',
    ',',
    ', ',
    ';',
    '&',
    '\n',
    ')',
    ']',
    '[',
    '{',
    '}',
    '…',
  ],
  ...['[secret]', '[token]', '[value]', '[credentials]', '[number]', 'null', 'expired', '.', '-'],
  ...['postgres://', 'http://', 'user:', '@', 'host', '/path', '1234567', 'ann@example.org'],
  ...['Bearer ', 'Basic ', 'abc', 'abcDEF123456', 'eyJhbGciOi.', 'psk_a', '--token ', '<token>'],
  ...['Key (a)=(', ' already exists', 'for value ', 'params: ', 'insert into ', ' - ', 'Digest '],
  ...[
    'Invalid `prisma.user.create()` invocation:\n',
    '\n\n',
    '→ 12 create(',
    '\n    at f (a.js:1:2)',
  ],
  ...['username="a"', ', ', 'response="b"', 'DE89 3704 0044 0532 0130 00', 'Duplicate entry '],
];

describe('redact', () => {
  it.each([
    ['no room for ann.lee+x@mail.example.org', 'no room for [email]'],
    ['GET /?email=ann%40example.org', 'GET /?email=[email]'],
    ['card 4111 1111-1111 1111 refused', 'card [number] refused'],
    ['call +49 (30) 123456', 'call [number]'],
    ['IBAN DE89 3704 0044 0532 0130 00', 'IBAN [iban]'],
    // URLs
    ['postgres://bob:pa55@db:5432/x', 'postgres://[credentials]@db:5432/x'],
    ['postgres://u:P@rest@h', 'postgres://[credentials]@h'],
    ['redis://:p/a?s#s@w@h:6379/0', 'redis://[credentials]@h:6379/0'],
    ['Invalid URL: http://u:p/a@ss@proxy:3128/x', 'Invalid URL: http://[credentials]@proxy:3128/x'],
    ['http://u:p@h/a and http://u:q@h/b', 'http://[credentials]@h/a and http://[credentials]@h/b'],
    ['https://x-token@git.example/a', 'https://[credentials]@git.example/a'],
    // Names and values
    ['{"password":"hunter2","a":1}', '{"password":[secret],"a":1}'],
    ['{\\"password\\":\\"hun\\\\\\"ter2\\",\\"a\\":1}', '{\\"password\\":[secret],\\"a\\":1}'],
    [
      "{ dbPass: 'hunter2', stripeKey: 'abc', port: 5432 }",
      '{ dbPass: [secret], stripeKey: [secret], port: 5432 }',
    ],
    ['api_key=abc123&b=2', 'api_key=[secret]&b=2'],
    ['GET /?access_token=abc&key=def&page=2', 'GET /?access_token=[secret]&key=[secret]&page=2'],
    ['client_secret=s3cr3t&grant_type=code', 'client_secret=[secret]&grant_type=code'],
    [
      '{"refresh_token":"1//0g","id_token":"abc"}',
      '{"refresh_token":[secret],"id_token":[secret]}',
    ],
    [
      'DB_PASSWORD=hunter2 PGPASSWORD=hunter3 psql',
      'DB_PASSWORD=[secret] PGPASSWORD=[secret] psql',
    ],
    [
      'SIGNING_KEY: abc\nAPP_SECRET: "d e"\nPORT: 80',
      'SIGNING_KEY: [secret]\nAPP_SECRET: [secret]\nPORT: 80',
    ],
    ['Server=x;Password=hunter2;Database=y', 'Server=x;Password=[secret];Database=y'],
    ['password=a&b;c,d)e end', 'password=[secret] end'],
    ['user[password]=hunter2&x=1', 'user[password]=[secret]&x=1'],
    ['mysql --password hunter2 -h db', 'mysql --password [secret] -h db'],
    ['<db:password>hunter2</db:password>', '<db:password>[secret]</db:password>'],
    ['Wrong password "hunter2"', 'Wrong password [secret]'],
    ['tokens: ["abc", "def"]', 'tokens: [secret]'],
    // Headers
    ['Authorization: Bearer abc.def-1', 'Authorization: [secret]'],
    ['send it as `Authorization: Bearer abc`.', 'send it as `Authorization: [secret]`.'],
    ['send it as `Authorization: Bearer …abc`.', 'send it as `Authorization: [secret]`.'],
    ['password=…,hunter2 end', 'password=[secret] end'],
    ['password="... hunter2" end', 'password=[secret] end'],
    ['Authorization: Custom abc123 failed', 'Authorization: [secret] failed'],
    [
      'Authorization: Digest username="a", nonce="b", response="c" sent',
      'Authorization: [secret] sent',
    ],
    ['Digest username="a", nonce="b", response="c" sent', 'Digest [secret] sent'],
    ['got Bearer abc.def-1', 'got Bearer [secret]'],
    ['got Basic YWRtaW46aHVudGVyMg==', 'got Basic [secret]'],
    ['Cookie: a=1; sid=s3cret; theme=dark was rejected', 'Cookie: [secret] was rejected'],
    ['Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, b=2; Secure', 'Set-Cookie: [secret]'],
    ["['Cookie', 'a=1; b=2', 'Host', 'x']", "['Cookie', [secret], 'Host', 'x']"],
    ['X-Api-Key: abc', 'X-Api-Key: [secret]'],
    // Signed URLs
    [
      '/k?X-Amz-Credential=AK%2F20&X-Amz-Signature=ab&X-Amz-Expires=60',
      '/k?X-Amz-Credential=[secret]&X-Amz-Signature=[secret]&X-Amz-Expires=60',
    ],
    ['/k?X-Goog-Signature=ab&x=1', '/k?X-Goog-Signature=[secret]&x=1'],
    ['/c?sv=2020&sig=abc%3D&se=2026', '/c?sv=2020&sig=[secret]&se=2026'],
    // Known formats
    ['token eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl', 'token [token]'],
    [
      '-----BEGIN EC PRIVATE KEY-----\nMHc\nAB==\n-----END EC PRIVATE KEY----- read',
      '[private key] read',
    ],
    ['read -----BEGIN PRIVATE KEY-----\nMHcCAQEEI', 'read [private key]'],
    [
      '{"k":"-----BEGIN PRIVATE KEY-----\\nMHc\\n-----END PRIVATE KEY-----\\n"}',
      '{"k":"[private key]\\n"}',
    ],
  ])('replaces personal data and secrets: %s', (text, expected) => {
    expect(redact(text, 1000)).toBe(expected);
  });

  it.each(KEYS)('replaces a key that starts with %s', (prefix, rest) => {
    const text = redact(`service rejected ${prefix}${rest}, try another key`, 1000);
    expect(text).toMatch(/^service rejected \S*\[(?:key|secret)\],? ?try another key$/);
  });

  it.each([
    'at send (/srv/mail.js:120:15)',
    'at x (file:///srv/.pnpm/@prisma+client@5.1.0/express@4.18.2/lib/token.js:10:5)',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'see http://localhost:3000/@ann/posts and http://[::1]:3000/@ann',
    'token expired',
    'Invalid token: expired',
    'Unexpected token \'<\', "<html>" is not valid JSON',
    'password authentication failed for user "bob"',
    'Bearer token expired, Basic authentication failed',
    'secret santa',
    'duplicate key value violates unique constraint "users_email_key"',
    'primary_key=id, cacheKey: rooms, monkey: bonobo, compass: north',
    'insert or update on table "rooms" violates foreign key constraint "rooms_key"',
    'token: null, password: undefined',
  ])('keeps useful text: %s', (text) => {
    expect(redact(text, 1000)).toBe(text);
  });

  it.each([
    ['Key (email)=(a (b) c) already exists.', 'Key (email)=[value] already exists.'],
    ["Duplicate entry 'ann' for key 'users.name'", "Duplicate entry [value] for key 'users.name'"],
    ['index: name_1 dup key: { name: "ann" }', 'index: name_1 dup key: [value]'],
    [
      'Cast to Number failed for value "ann" at path "age"',
      'Cast to Number failed for value [value] at path "age"',
    ],
    [
      "insert into \"a\" (\"b\") values ('it''s', 'c') - duplicate key",
      'insert into "a" ("b") values (?, ?) - duplicate key',
    ],
    [
      'Failed query: select $1\nparams: ann,hunter2\n    at x',
      'Failed query: select $1\nparams: [values]\n    at x',
    ],
  ])('replaces values in database errors: %s', (text, expected) => {
    expect(redact(text, 1000)).toBe(expected);
  });

  it('truncates before the word at the cut', () => {
    expect(redact('one two three', 9)).toBe('one two…');
    expect(redact('one two three', 8)).toBe('one two…');
    expect(redact('x'.repeat(200), 100)).toBe('…');
    expect(redact('räume '.repeat(2000), 10_000)).toHaveLength(4092);
    expect(redact('部屋がない'.repeat(2000), 100)).toHaveLength(100);
    expect(redact('🏨'.repeat(100), 100).isWellFormed()).toBe(true);
  });

  it('removes the styles of a terminal', () => {
    expect(redact('\u001b[31mno\u001b[39m room, pass\u001b[1mword=abc', 100)).toBe(
      'no room, password=[secret]',
    );
  });

  it('never shows six characters of a secret, even if the secret is at the cut', () => {
    fc.assert(
      fc.property(
        secretText,
        fc.constantFrom(60, 1000, 4096),
        fc.nat(),
        ({ text, secret }, limit, n) => {
          // Most positions are near the cut.
          const position = n % 4 === 0 ? n % limit : limit - 400 + (n % 700);
          const before = 'guest room '.repeat(500).slice(0, Math.max(position, 0));
          for (const input of [`${before}\n${text} end`, `${before} ${text}`]) {
            const result = redact(input, limit);
            expect(result.length).toBeLessThanOrEqual(limit);
            for (let i = 0; i + 6 <= secret.length; i++)
              if (result.includes(secret.slice(i, i + 6))) expect.fail(`${result} shows ${secret}`);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('does not change its own result', () => {
    const fragment = fc.oneof(
      fc.constantFrom(...IDEMPOTENCE_FRAGMENTS, ...HOSTILE_FRAGMENTS),
      fc.string({ maxLength: 8, unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 40 }),
        fc.constantFrom(20, 100, 4096),
        (texts, limit) => {
          const result = redact(texts.join(''), limit);
          expect(result.length).toBeLessThanOrEqual(limit);
          expect(redact(result, limit)).toBe(result);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('takes linear time for every pattern and hostile text', () => {
    // A pattern with quadratic time would take minutes for one of these texts.
    for (const hostile of HOSTILE_FRAGMENTS) {
      const text = hostile.repeat(300_000 / hostile.length);
      for (const [pattern] of REDACTION_RULES) text.replace(pattern, '');
      redact(text, 4096);
    }
    expect(redact('a-'.repeat(500_000), 4096)).toBe('…');
  });
});

it.each([
  'Create an API key and send it as `Authorization: Bearer …`.',
  'Send the header Authorization: Bearer …',
  'Send the header Authorization: Basic ..., then try again',
  'Send {"x-api-key": "…"}.',
  'Set PERFORMANCE_QUESTDB_PASSWORD=… and API_KEY=..., then restart',
])('keeps the placeholder of a value in the instruction %s', (text) => {
  expect(redact(text, 1000)).toBe(text);
});
