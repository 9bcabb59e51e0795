/** What looks like personal data or a secret, and what stands in its place. */
const REDACTION_RULES: readonly [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1[credentials]@'],
  [/[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g, '[email]'],
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, '[token]'],
  [/\bpsk_[\w-]+/g, '[key]'],
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 [secret]'],
  [
    /\b(pass(?:word|wd)?|pwd|secret|token|api[_-]?key|authorization|cookie)(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&)}\]]+)/gi,
    '$1$2[secret]',
  ],
  [/\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/g, '[iban]'],
  [/\+?\d(?:[ ().-]{0,2}\d){6,}/g, '[number]'],
];

/**
 * Blanks addresses, credentials, tokens and long numbers in a text that an error carries.
 * Line numbers and ports are shorter than what is blanked.
 *
 * @param most longest text that is kept, in characters
 */
export function redact(text: string, most: number): string {
  // Cut before as well: the patterns must not run over a text of any length.
  let scrubbed = text.slice(0, most * 2);
  for (const [pattern, replacement] of REDACTION_RULES)
    scrubbed = scrubbed.replace(pattern, replacement);
  return scrubbed.length > most ? `${scrubbed.slice(0, most - 1)}…` : scrubbed;
}
