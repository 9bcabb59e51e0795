import { z } from 'zod';
import {
  type AlertContent,
  formatOmittedCount,
  type MessageContent,
  toMessageContent,
} from '../message/message-content.ts';
import { findTeamsFailure } from '../outgoing-http/response-failures.ts';
import type { Channel, ChannelOptions, Message } from './channel.ts';
import { networkFields, secretFileSchema } from './channel-fields.ts';
import { createIncomingWebhookChannel } from './incoming-webhook.ts';

export const teamsConfigSchema = z.strictObject({
  kind: z.literal('teams'),
  /** File that contains the URL of the workflow that posts messages. The URL is a secret. */
  urlFile: secretFileSchema,
  ...networkFields,
});

const MAX_ALERTS = 10;
/** Teams rejects messages of more than 28 KB. */
const MAX_BODY_BYTES = 27_000;

/** Creates a channel for a Microsoft Teams workflow webhook. @throws PS_CHANNEL_SECRET */
export function createTeamsChannel(
  config: z.output<typeof teamsConfigSchema>,
  options: ChannelOptions,
): Channel {
  return createIncomingWebhookChannel('teams', config, options, formatTeamsBody, findTeamsFailure);
}

function formatTeamsBody(message: Message): string {
  for (let maxAlerts = MAX_ALERTS; ; maxAlerts--) {
    const content = toAdaptiveCard(toMessageContent(message, maxAlerts));
    const contentType = 'application/vnd.microsoft.card.adaptive';
    const attachments = [{ contentType, contentUrl: null, content }];
    const body = JSON.stringify({ type: 'message', attachments });
    if (Buffer.byteLength(body) <= MAX_BODY_BYTES || maxAlerts === 0) return body;
  }
}

/**
 * Builds an Adaptive Card 1.4 for Teams. All text is in TextRun elements. Teams doesn't interpret
 * Markdown in them, so names and texts need no escaping.
 */
export function toAdaptiveCard({ title, note, alerts, omitted }: MessageContent): object {
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    body: [
      createTextBlock([createTextRun(title, { weight: 'Bolder', size: 'Large' })]),
      ...(note === undefined ? [] : [createTextBlock([createTextRun(note, { italic: true })])]),
      ...alerts.flatMap(toCardElements),
      ...(omitted > 0 ? [createTextBlock([createTextRun(formatOmittedCount(omitted))])] : []),
    ],
  };
}

function toCardElements({ heading, summary, facts, links }: AlertContent): object[] {
  const actions = links.map(({ text, url }) => ({ type: 'Action.OpenUrl', title: text, url }));
  return [
    { ...createTextBlock([createTextRun(heading, { weight: 'Bolder' })]), separator: true },
    createTextBlock([createTextRun(summary)]),
    ...facts.map(([name, value]) =>
      createTextBlock([createTextRun(`${name}: `, { weight: 'Bolder' }), createTextRun(value)]),
    ),
    ...(actions.length > 0 ? [{ type: 'ActionSet', actions }] : []),
  ];
}

function createTextBlock(inlines: readonly object[]) {
  return { type: 'RichTextBlock', inlines };
}

function createTextRun(text: string, style: object = {}): object {
  return { type: 'TextRun', text, ...style };
}
