import { cut } from './plain.ts';
import type { Told, ToldLines, ToldLink } from './told.ts';

/** Slack's limits (https://docs.slack.dev/reference/block-kit/blocks). */
const MOST_HEADER = 150;
const MOST_TEXT = 3000;

/** What Slack reads as control characters: with them, a name could call a whole channel. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A message's body for an incoming webhook. Names and texts are never read as mrkdwn. */
export function slackOf(told: Told): object {
  const intro = told.note === undefined ? [] : [section(told.note)];
  const more = told.omitted > 0 ? [section(`And ${told.omitted} more.`)] : [];
  return {
    text: escapeSlack(told.title),
    unfurl_links: false,
    unfurl_media: false,
    link_names: false,
    parse: 'none',
    blocks: [
      { type: 'header', text: plainText(told.title, MOST_HEADER) },
      ...intro,
      ...told.alerts.flatMap(blocksOf),
      ...more,
    ],
  };
}

function blocksOf({ heading, summary, facts, links }: ToldLines): object[] {
  const lines = [heading, summary, ...facts.map(([name, value]) => `${name}: ${value}`)];
  const context = { type: 'context', elements: [linksText(links)] };
  return [{ type: 'divider' }, section(lines.join('\n')), ...(links.length > 0 ? [context] : [])];
}

function section(text: string): object {
  return { type: 'section', text: plainText(text, MOST_TEXT) };
}

function plainText(text: string, most: number): object {
  // Five characters at most stand for one, and half of an entity must not be left at the end.
  let kept = cut(text, most, '…');
  while (escapeSlack(kept).length > most) kept = cut(kept, Math.floor(kept.length * 0.8), '…');
  return { type: 'plain_text', emoji: false, text: escapeSlack(kept) };
}

/** The one place with mrkdwn: our own words around addresses that can't end the link. */
function linksText(links: readonly ToldLink[]): object {
  // Whole links only, as many as there is room for.
  const shown: string[] = [];
  for (const { text, url } of links) {
    const link = `<${escapeSlack(url)}|${text}>`;
    if ([...shown, link].join(' · ').length <= MOST_TEXT) shown.push(link);
  }
  return { type: 'mrkdwn', verbatim: true, text: shown.join(' · ') || ' ' };
}
