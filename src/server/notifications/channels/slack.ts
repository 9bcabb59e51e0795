import { z } from 'zod';
import {
  type AlertContent,
  formatOmittedCount,
  type MessageContent,
  type MessageLink,
  toMessageContent,
} from '../message/message-content.ts';
import { truncateText } from '../message/sanitize-text.ts';
import { findSlackFailure } from '../outgoing-http/response-failures.ts';
import type { Channel, ChannelOptions, Message } from './channel.ts';
import { networkFields, secretFileSchema } from './channel-fields.ts';
import { createIncomingWebhookChannel } from './incoming-webhook.ts';

export const slackConfigSchema = z.strictObject({
  kind: z.literal('slack'),
  /** File that contains the URL of the incoming webhook. The URL is a secret. */
  urlFile: secretFileSchema,
  ...networkFields,
});

// Slack's limits: https://docs.slack.dev/reference/block-kit/blocks
/** Each alert needs up to three blocks, and Slack allows 50 blocks per message. */
const MAX_ALERTS = 15;
const MAX_HEADER_LENGTH = 150;
const MAX_TEXT_LENGTH = 3000;

/** Creates a channel for a Slack incoming webhook. @throws PS_CHANNEL_SECRET */
export function createSlackChannel(
  config: z.output<typeof slackConfigSchema>,
  options: ChannelOptions,
): Channel {
  const formatBody = (message: Message) =>
    JSON.stringify(toSlackPayload(toMessageContent(message, MAX_ALERTS)));
  return createIncomingWebhookChannel('slack', config, options, formatBody, findSlackFailure);
}

/** Builds the body for an incoming webhook. Slack doesn't interpret names and texts as mrkdwn. */
export function toSlackPayload({ title, note, alerts, omitted }: MessageContent): object {
  return {
    text: escapeSlack(title),
    unfurl_links: false,
    unfurl_media: false,
    link_names: false,
    parse: 'none',
    blocks: [
      { type: 'header', text: createPlainText(title, MAX_HEADER_LENGTH) },
      ...(note === undefined ? [] : [createSection(note)]),
      ...alerts.flatMap(toBlocks),
      ...(omitted > 0 ? [createSection(formatOmittedCount(omitted))] : []),
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

function createPlainText(text: string, maxLength: number): object {
  // Escaping makes the text up to five times longer. Truncate before escaping, so that no escape
  // sequence is cut in half.
  let truncated = truncateText(text, maxLength, '…');
  while (escapeSlack(truncated).length > maxLength) {
    truncated = truncateText(truncated, Math.floor(truncated.length * 0.8), '…');
  }
  return { type: 'plain_text', emoji: false, text: escapeSlack(truncated) };
}

/**
 * The only text that Slack interprets as mrkdwn: fixed link texts, and URLs that can't end the link
 * syntax early.
 */
function createLinksText(links: readonly MessageLink[]): object {
  // Include only complete links, as many as fit.
  const fittingLinks: string[] = [];
  for (const { text, url } of links) {
    const link = `<${escapeSlack(url)}|${text}>`;
    if ([...fittingLinks, link].join(' · ').length <= MAX_TEXT_LENGTH) fittingLinks.push(link);
  }
  return { type: 'mrkdwn', verbatim: true, text: fittingLinks.join(' · ') || ' ' };
}

/** Escapes Slack's control characters. Without this, a name could mention a whole channel. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
