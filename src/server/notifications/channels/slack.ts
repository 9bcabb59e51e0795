import { z } from 'zod';
import {
  type AlertContent,
  type MessageContent,
  type MessageLink,
  toMessageContent,
} from '../message/message-content.ts';
import { truncateText } from '../message/sanitize-text.ts';
import type { Channel, ChannelOptions } from './channel.ts';
import { networkFields, secretFileSchema } from './channel-fields.ts';
import { createIncomingWebhookChannel } from './incoming-webhook.ts';

export const slackConfigSchema = z.strictObject({
  kind: z.literal('slack'),
  /** Holds the incoming webhook's URL, which is a secret. */
  urlFile: secretFileSchema,
  ...networkFields,
});

/** Three blocks each; Slack takes fifty (https://docs.slack.dev/reference/block-kit/blocks). */
const MAX_ALERTS = 15;

/** Slack's incoming webhooks. @throws PS_CHANNEL_SECRET */
export function createSlackChannel(
  config: z.output<typeof slackConfigSchema>,
  options: ChannelOptions,
): Channel {
  return createIncomingWebhookChannel('slack', config, options, (message) =>
    JSON.stringify(toSlackPayload(toMessageContent(message, MAX_ALERTS))),
  );
}

/** Slack's limits (https://docs.slack.dev/reference/block-kit/blocks). */
const MAX_HEADER_LENGTH = 150;
const MAX_TEXT_LENGTH = 3000;

/** What Slack reads as control characters: with them, a name could call a whole channel. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A message's body for an incoming webhook. Names and texts are never read as mrkdwn. */
export function toSlackPayload(told: MessageContent): object {
  const intro = told.note === undefined ? [] : [createSection(told.note)];
  const more = told.omitted > 0 ? [createSection(`And ${told.omitted} more.`)] : [];
  return {
    text: escapeSlack(told.title),
    unfurl_links: false,
    unfurl_media: false,
    link_names: false,
    parse: 'none',
    blocks: [
      { type: 'header', text: createPlainText(told.title, MAX_HEADER_LENGTH) },
      ...intro,
      ...told.alerts.flatMap(toBlocks),
      ...more,
    ],
  };
}

function toBlocks({ heading, summary, facts, links }: AlertContent): object[] {
  const lines = [heading, summary, ...facts.map(([name, value]) => `${name}: ${value}`)];
  const context = { type: 'context', elements: [createLinksText(links)] };
  return [
    { type: 'divider' },
    createSection(lines.join('\n')),
    ...(links.length > 0 ? [context] : []),
  ];
}

function createSection(text: string): object {
  return { type: 'section', text: createPlainText(text, MAX_TEXT_LENGTH) };
}

function createPlainText(text: string, most: number): object {
  // Five characters at most stand for one, and half of an entity must not be left at the end.
  let kept = truncateText(text, most, '…');
  while (escapeSlack(kept).length > most)
    kept = truncateText(kept, Math.floor(kept.length * 0.8), '…');
  return { type: 'plain_text', emoji: false, text: escapeSlack(kept) };
}

/** The one place with mrkdwn: our own words around addresses that can't end the link. */
function createLinksText(links: readonly MessageLink[]): object {
  // Whole links only, as many as there is room for.
  const shown: string[] = [];
  for (const { text, url } of links) {
    const link = `<${escapeSlack(url)}|${text}>`;
    if ([...shown, link].join(' · ').length <= MAX_TEXT_LENGTH) shown.push(link);
  }
  return { type: 'mrkdwn', verbatim: true, text: shown.join(' · ') || ' ' };
}
