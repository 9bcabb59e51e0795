import fc from 'fast-check';

/** Part of every hostile text, so that tests can search for it in responses. */
export const HOSTILE_TOKEN = 'zq7hostile7qz';

const HOSTILE_TEXTS = [
  `' OR '1'='1' -- ${HOSTILE_TOKEN}`,
  `${HOSTILE_TOKEN}' OR organization_id = 'bert' --`,
  `${HOSTILE_TOKEN}'; DROP TABLE performance_metrics; --`,
  `${HOSTILE_TOKEN}') UNION ALL SELECT * FROM performance_metrics --`,
  `${HOSTILE_TOKEN}' || (SELECT name FROM performance_metrics LIMIT 1) || '`,
  `') OR organization_id IN (SELECT organization_id FROM queue_metrics) /* ${HOSTILE_TOKEN}`,
  `${HOSTILE_TOKEN}" OR ""="`,
  `${HOSTILE_TOKEN}\\' OR 1=1 --`,
  `*/ OR 1=1 /* ${HOSTILE_TOKEN}`,
  `$1 $2 $99 ${HOSTILE_TOKEN}`,
  `${HOSTILE_TOKEN}\u0000' OR 1=1`,
  `${HOSTILE_TOKEN}＇ OR ＇1＇=＇1`,
  `${HOSTILE_TOKEN}ʼ OR 1=1 ––`,
  `${HOSTILE_TOKEN}\u202e' RO`,
  `${HOSTILE_TOKEN}\u200b'\u2028OR\u20291=1`,
  `${HOSTILE_TOKEN}\r\nSet-Cookie: a=b`,
  `${HOSTILE_TOKEN}🏨é́́`,
  `{"$gt":"${HOSTILE_TOKEN}"}`,
  `["${HOSTILE_TOKEN}"]`,
  `__proto__.${HOSTILE_TOKEN}`,
  `\${${HOSTILE_TOKEN}} {{${HOSTILE_TOKEN}}} <script>${HOSTILE_TOKEN}</script>`,
  `../../${HOSTILE_TOKEN}`,
  `=cmd|' /c ${HOSTILE_TOKEN}'!A0`,
  `all,${HOSTILE_TOKEN}`,
  HOSTILE_TOKEN.repeat(60),
];
const HOSTILE_NUMBERS = [
  ...['1e400', '-1', '0', '-0', '9'.repeat(300), 'NaN', 'Infinity', '0x7fffffff', '١٢٣', '1.5.2'],
  ...['9223372036854775808', '-9223372036854775809', '99999d', '0s', '1,2', 'true', 'null', ''],
];

/** A URL-encoded value. */
export const hostileValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...HOSTILE_TEXTS).map(encodeURIComponent) },
  { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_NUMBERS).map(encodeURIComponent) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.string({ unit: 'binary', maxLength: 30 }), fc.constantFrom(...HOSTILE_TEXTS))
      .map(([random, text]) => encodeURIComponent(random.toWellFormed() + text)),
  },
  // A lone surrogate, a truncated sequence, and an overlong encoding.
  { weight: 1, arbitrary: fc.constantFrom('%ED%A0%80', '%F0%9F', '%C0%A7', '%', '%zz', '%00') },
);

/** Returns malformed variants of a parameter name. */
export const hostileName = (known: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    ...[`${known}[]`, `${known}[$ne]`, `${known}[constructor]`, '__proto__', 'constructor'],
    ...['toString', 'hasOwnProperty', '__proto__[organizations]', known.toUpperCase(), '%27', ''],
  );
