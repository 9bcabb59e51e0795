import type { RedactionRule } from './redaction-rule.ts';

/** Rules for email addresses, account numbers, and other long numbers. */
export const PERSONAL_DATA_RULES: readonly RedactionRule[] = [
  // The last part must be letters, so that `express@5.1.0` in a path is not an address.
  [
    /(?<![\p{L}\p{N}_.%+-])[\p{L}\p{N}_.%+-]+(?:@|%40)(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}(?:[\p{L}\p{N}_.%+-]*[\p{L}\p{N}_])?/gu,
    '[email]',
  ],
  [/\b[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){3,7}(?: ?[A-Z\d]{1,3})?\b/g, '[iban]'],
  // Short numbers, such as line numbers and ports, are kept.
  [/\+?\d(?:[ ().-]{0,2}\d){6,}/g, '[number]'],
];
