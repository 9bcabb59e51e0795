import { redact } from '../../../core/redact.ts';

/**
 * Controls, what turns the direction of writing, and what can't be seen: with them a name could
 * look like another one, or begin a line of its own.
 */
const CONTROL_AND_SPACE_CHARACTERS = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}]+/gu;
const INVISIBLE_CHARACTERS = /[\p{Cf}\p{Co}\p{Cn}\u115f\u1160\u3164\uffa0]/gu;

/** One line of at most `most` UTF-16 units that shows what it holds. */
export function toSingleLine(text: string, most: number): string {
  // Cut before as well: what comes from outside may be of any length.
  const line = text
    .slice(0, most * 4)
    .toWellFormed()
    .replace(INVISIBLE_CHARACTERS, '')
    .replace(CONTROL_AND_SPACE_CHARACTERS, ' ')
    .trim();
  return truncateText(line, most, '…');
}

/** The beginning of `text`, never half a character, with `mark` where something is missing. */
export function truncateText(text: string, most: number, mark: string): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, Math.max(most - mark.length, 0));
  return `${kept.replace(/[\uD800-\uDBFF]$/, '')}${mark}`;
}

const MAX_DISPLAY_LENGTH = 200;

/**
 * What another side said, for people: one line, short, without personal data and without `secrets`,
 * which a receiver may send back.
 */
export function redactForDisplay(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) if (secret !== '') shown = shown.replaceAll(secret, '[secret]');
  return redact(toSingleLine(shown, MAX_DISPLAY_LENGTH * 2), MAX_DISPLAY_LENGTH);
}
