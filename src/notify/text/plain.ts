/**
 * Controls, what turns the direction of writing, and what can't be seen: with them a name could
 * look like another one, or begin a line of its own.
 */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}]+/gu;
const MISLEADING = /[\p{Cf}\p{Co}\p{Cn}\u115f\u1160\u3164\uffa0]/gu;

/** One line of at most `most` UTF-16 units that shows what it holds. */
export function plain(text: string, most: number): string {
  // Cut before as well: what comes from outside may be of any length.
  const line = text
    .slice(0, most * 4)
    .toWellFormed()
    .replace(MISLEADING, '')
    .replace(UNSEEN, ' ')
    .trim();
  return cut(line, most, '…');
}

/** The beginning of `text`, never half a character, with `mark` where something is missing. */
export function cut(text: string, most: number, mark: string): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, Math.max(most - mark.length, 0));
  return `${kept.replace(/[\uD800-\uDBFF]$/, '')}${mark}`;
}
