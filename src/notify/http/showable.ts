import { scrub } from '../../schema/scrub.ts';
import { plain } from '../text/plain.ts';

const MOST_CHARACTERS = 200;

/**
 * What another side said, for people: one line, short, without personal data and without `secrets`,
 * which a receiver may send back.
 */
export function showable(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) if (secret !== '') shown = shown.replaceAll(secret, '[secret]');
  return scrub(plain(shown, MOST_CHARACTERS * 2), MOST_CHARACTERS);
}
