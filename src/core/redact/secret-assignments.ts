import type { RedactionRule } from './redaction-rule.ts';

/** Qualifiers of a key that is not a secret, such as a primary key. */
const PUBLIC_KEYS = [
  'primary|foreign|public|publishable|unique|composite|candidate|surrogate|natural|partition|sort',
  'range|hash|row|object|cache|redis|routing|binding|group|lock|index|idempotency|dedup|shard',
  'sharding|map|message|event|metric|setting|config|item|data|parent|lookup|translation|job|queue',
  'tenant',
].join('|');

/**
 * Ends of names whose values are secret, such as `DB_PASSWORD` or `access_token`. Short words must
 * start a part of the name, so that `compass` and `monkey` don't match.
 */
const SECRET_NAMES = [
  'pass(?:word|wd|phrase|code)\\]?',
  '(?<![a-z])(?:pass|pwd|pw|pin|otp|totp|cvv2?|cvc2?|ssn)',
  '(?:db|pg|mysql|redis|smtp|ftp|user|root|admin)(?:pass|pwd|pw)',
  'secret',
  'token',
  '(?:api|private|access|encryption|account|client|master|shared|signing)[ _-]?key',
  `(?<!(?:${PUBLIC_KEYS})[_-])(?<=[_-])key`,
  'sess(?:ion)?[_-]?(?:id|key)',
  'connection[_-]?string',
].join('|');
const NAME_SUFFIX =
  's?(?:[_-]?(?:hash|salt|base|value|old|new|current|confirm|confirmation|\\d{1,2}))?';
/** Ends of names in camel case, such as `dbPass` and `stripeKey`. */
const CAMEL_CASE_NAMES = `[a-z\\d](?:Pass|Pwd|Otp|Pin|(?<!(?:${PUBLIC_KEYS}))Key)`;

/** `=`, `:`, or `=>`, after an optional quote. JSON inside JSON has backslashes before the quote. */
const SEPARATOR = '\\\\{0,3}["\'`]?[ \\t]*(?:[:=]{1,8}>?|%3d)[ \\t]*(?![:=>])';

/** A value in quotes, up to the end of the line if the closing quote is missing. */
const QUOTED_VALUE = [
  '\\\\{1,3}"(?:[^"\\\\\\n]|\\\\{3}"|\\\\)*(?:"|$)',
  ...['"', "'", '`'].map(
    (quote) => `${quote}(?:[^${quote}\\\\\\n]|\\\\[^\\n])*(?:${quote}|\\\\?$)`,
  ),
  '\\[[ \\t]*["\'`][^\\]\\n]*(?:\\]|$)',
].join('|');
const DELIMITERS = ',;&"\'`<>)}\\]';
/** A delimiter is part of an unquoted value if text follows that is not another assignment. */
const UNQUOTED_VALUE = `(?:[^\\s${DELIMITERS}]|[${DELIMITERS}](?=[\\w!@#$%^*+~-])(?![\\w.%-]{1,64}["']?[:=]))+`;
const QUOTED_AND_UNQUOTED_VALUE = `(?:${QUOTED_VALUE})(?:(?=[\\w[])${UNQUOTED_VALUE})?`;

/** An ellipsis instead of a value, as in an instruction. The text of a sentence or a list can follow. */
const OMITTED_VALUE = '(?:…|\\.{3}|["\'`](?:…|\\.{3})["\'`])(?=["\'`.,;:)}\\]]{0,4}(?:\\s|$))';
/** Placeholders of earlier rules, and words that are not secrets, as in `token: expired`. */
const NOT_SECRET = [
  OMITTED_VALUE,
  '\\[[a-z ]{3,16}\\](?![\\w[])',
  '(?:null|undefined|true|false|none|expired|invalid|missing|required|malformed|revoked|empty|jwt|must|is|are|was|not|cannot|should|has|unknown|unexpected)(?=[\\s,;)}\\]"\'`&]|\\.?(?:\\s|$))',
].join('|');
const SECRET_VALUE = `(?!${NOT_SECRET})(?:${QUOTED_AND_UNQUOTED_VALUE}|${UNQUOTED_VALUE})`;

const HTTP_PARAMETERS = '[\\w-]{1,64}=(?:"[^"\\n]*"?[^\\s,"]*|[^\\s,"]+)';
/** A scheme without credentials, as in: Send `Authorization: Bearer …`. The end of the text can be an ellipsis too. */
const SCHEME_ONLY = `(?:bearer|basic|digest|token|apikey|api-key)(?:[ \\t]{1,8}${OMITTED_VALUE}|[ \\t]{0,8}$)`;
/** Credentials of an `Authorization` header, with an optional scheme. */
const AUTHORIZATION_VALUE = [
  QUOTED_AND_UNQUOTED_VALUE,
  `(?:[a-z][\\w-]{1,30}[ \\t]{1,8})?${HTTP_PARAMETERS}(?:,[ \\t]{0,8}${HTTP_PARAMETERS})*`,
  `(?:(?:bearer|basic|digest|negotiate|ntlm|token|apikey|api-key|key|hawk|oauth|hmac|mac|dpop)[ \\t]{1,8}|[a-z][\\w-]{1,30}[ \\t]{1,8}(?=[^\\s\\d]{0,64}\\d))?${UNQUOTED_VALUE}`,
].join('|');
const COOKIE =
  '(?:expires=[a-z]{3,9}, [\\w :-]{10,30}gmt|[^\\s;,="\'`]+(?:=(?:"[^"\\n]*"?)?(?:[^\\s;,"]|,(?! ))*)?)';
/** All cookies of a `Cookie` or `Set-Cookie` header. */
const COOKIE_VALUE = `(?:${QUOTED_AND_UNQUOTED_VALUE}|${COOKIE}(?:[;,][ \\t]{1,8}${COOKIE}|;${COOKIE})*;?)`;
/** Separates a quoted header name and its value in a list of headers. */
const LIST_SEPARATOR = '["\'`][ \\t]{0,8},[ \\t]{0,8}(?=["\'`])';

/** Rules for assignments in environment variables, JSON, YAML, query strings, and headers. */
export const ASSIGNMENT_RULES: readonly RedactionRule[] = [
  [
    new RegExp(
      `((?:authorization|x-api-key)(?:${SEPARATOR}|${LIST_SEPARATOR}))(?!${NOT_SECRET}|${SCHEME_ONLY})(?:${AUTHORIZATION_VALUE})`,
      'gim',
    ),
    '[secret]',
  ],
  [
    new RegExp(
      `((?:set-)?cookie2?(?:${SEPARATOR}|${LIST_SEPARATOR}))(?!${NOT_SECRET})${COOKIE_VALUE}`,
      'gim',
    ),
    '[secret]',
  ],
  [new RegExp(`((?:${SECRET_NAMES})${NAME_SUFFIX}${SEPARATOR})${SECRET_VALUE}`, 'gim'), '[secret]'],
  [new RegExp(`(${CAMEL_CASE_NAMES}s?\\d{0,2}${SEPARATOR})${SECRET_VALUE}`, 'gm'), '[secret]'],
  [
    new RegExp(
      `((?:signature|credential|(?<![a-z])(?:sig|auth|session|sess|sid)|[?&](?:key|code))(?:=|%3d|\\\\{0,3}["'][ \\t]{0,8}:[ \\t]{0,8}(?=\\\\{0,3}["'])))${SECRET_VALUE}`,
      'gim',
    ),
    '[secret]',
  ],
  // A command-line flag, or an XML element.
  [
    new RegExp(
      `((?:(?<![\\w\\]-])--[\\w-]*(?:password|passphrase|secret|token|key)[ \\t]{1,8}|<[\\w:.-]*(?:password|passphrase|secret|token|key)>))(?!-|<)${SECRET_VALUE}`,
      'gim',
    ),
    '[secret]',
  ],
  // A quoted password in a sentence, as in: Wrong password "hunter2".
  [
    new RegExp(`((?<![A-Za-z])pass(?:word|phrase|code) )(?=["'\`])${SECRET_VALUE}`, 'gim'),
    '[secret]',
  ],
];
