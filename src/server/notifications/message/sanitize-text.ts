import { redact } from '../../../core/redact.ts';

/**
 * Line breaks, other control characters, and spaces. A name that contains a line break could
 * otherwise start a new line.
 */
const CONTROL_AND_SPACE_CHARACTERS = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}]+/gu;
/** Invisible characters and direction marks. They can make a name look like another name. */
const INVISIBLE_CHARACTERS = /[\p{Cf}\p{Co}\p{Cn}\u115f\u1160\u3164\uffa0]/gu;

/**
 * Returns `text` as one line of visible characters.
 *
 * @param maxLength in UTF-16 units
 */
export function toSingleLine(text: string, maxLength: number): string {
  // Truncate first as well, because text from outside can have any length.
  const line = text
    .slice(0, maxLength * 4)
    .toWellFormed()
    .replace(INVISIBLE_CHARACTERS, '')
    .replace(CONTROL_AND_SPACE_CHARACTERS, ' ')
    .trim();
  return truncateText(line, maxLength, '…');
}

/**
 * Truncates `text` without splitting a surrogate pair, and appends `ellipsis` if it was too long.
 *
 * @param maxLength in UTF-16 units, including the ellipsis
 */
export function truncateText(text: string, maxLength: number, ellipsis: string): string {
  if (text.length <= maxLength) return text;
  const start = text.slice(0, Math.max(maxLength - ellipsis.length, 0));
  return `${start.replace(/[\uD800-\uDBFF]$/, '')}${ellipsis}`;
}

const MAX_DISPLAY_LENGTH = 200;

/**
 * Formats a response from another system for display: one short line without personal data and without
 * `secrets`, which the other system might echo.
 */
export function redactForDisplay(text: string, secrets: readonly string[]): string {
  let withoutSecrets = text;
  for (const secret of secrets)
    if (secret !== '') withoutSecrets = withoutSecrets.replaceAll(secret, '[secret]');
  return redact(toSingleLine(withoutSecrets, MAX_DISPLAY_LENGTH * 2), MAX_DISPLAY_LENGTH);
}
