/** Patterns of personal data and secrets, each with its replacement. */
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
 * Replaces email addresses, credentials, tokens, and long numbers in an error message. Short
 * numbers, such as line numbers and ports, are kept.
 *
 * @param maxLength maximum length of the result, in characters
 */
export function redact(text: string, maxLength: number): string {
  // Also truncate before redacting, so that the patterns never run on very long text.
  let redacted = text.slice(0, maxLength * 2);
  for (const [pattern, replacement] of REDACTION_RULES)
    redacted = redacted.replace(pattern, replacement);
  return redacted.length > maxLength ? `${redacted.slice(0, maxLength - 1)}…` : redacted;
}
