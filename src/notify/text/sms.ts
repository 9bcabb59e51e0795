import type { Message } from '../channel.ts';
import { cut, plain } from './plain.ts';
import { titleOf, webAddress } from './told.ts';

/** GSM 03.38: one septet each. */
const GSM7 =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Two septets each. */
const GSM7_EXTENDED = '^{}\\[~]|€';
/** Units of two segments that are put together: 2 × 153 septets, or 2 × 67 UTF-16 units. */
const MOST_SEPTETS = 306;
const MOST_UTF16 = 134;

/** A message as an SMS of two segments at most; the link is there when there is room for it. */
export function smsOf(message: Message): string {
  const { annotations, links } = message.alerts[0]!;
  const said = annotations.summary ? ` ${annotations.summary}` : '';
  // Brackets cost two septets each.
  const title = titleOf(message).replaceAll('[', '').replaceAll(']', '');
  const text = fitting(plain(`${title}${said}`, 1000));
  const link = webAddress(links.acknowledge) ?? webAddress(links.view);
  const linked = `${text} ${link}`;
  return link !== undefined && fits(linked) ? linked : text;
}

function fitting(text: string): string {
  if (fits(text)) return text;
  let kept = cut(text, MOST_SEPTETS, '...');
  while (!fits(kept)) kept = cut(text, kept.length - 1, '...');
  return kept;
}

function fits(text: string): boolean {
  const septets = septetsOf(text);
  return septets === undefined ? text.length <= MOST_UTF16 : septets <= MOST_SEPTETS;
}

/** @returns undefined when a character is not in the alphabet, which makes all of it UCS-2 */
export function septetsOf(text: string): number | undefined {
  let septets = 0;
  for (const character of text) {
    if (GSM7.includes(character)) septets += 1;
    else if (GSM7_EXTENDED.includes(character)) septets += 2;
    else return undefined;
  }
  return septets;
}
