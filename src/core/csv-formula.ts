/**
 * Start of a text that a spreadsheet can run as a formula. Some spreadsheets ignore spaces and quotes
 * before the formula, or also accept the full-width characters.
 */
const FORMULA_PATTERN = /^[\s"'\u00a0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

/**
 * Adds a `'` before a text that a spreadsheet would run as a formula. Anyone can choose the names of
 * endpoints, queues, and tenants. Use this function only for text: a negative number isn't a formula.
 * See https://owasp.org/www-community/attacks/CSV_Injection.
 */
export function neutralizeFormula(text: string): string {
  return FORMULA_PATTERN.test(text) ? `'${text}` : text;
}
