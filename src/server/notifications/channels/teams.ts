import { z } from 'zod';
import {
  type AlertContent,
  type MessageContent,
  toMessageContent,
} from '../message/message-content.ts';
import type { Channel, ChannelOptions, Message } from './channel.ts';
import { networkFields, secretFileSchema } from './channel-fields.ts';
import { createIncomingWebhookChannel } from './incoming-webhook.ts';

export const teamsConfigSchema = z.strictObject({
  kind: z.literal('teams'),
  /** Holds the URL of a workflow that posts what it receives, which is a secret. */
  urlFile: secretFileSchema,
  ...networkFields,
});

const MAX_ALERTS = 10;
/** Teams refuses messages of more than 28 KB. */
const MAX_BODY_BYTES = 27_000;

/** Microsoft Teams' workflow webhooks. @throws PS_CHANNEL_SECRET */
export function createTeamsChannel(
  config: z.output<typeof teamsConfigSchema>,
  options: ChannelOptions,
): Channel {
  return createIncomingWebhookChannel('teams', config, options, formatTeamsBody);
}

function formatTeamsBody(message: Message): string {
  for (let most = MAX_ALERTS; ; most--) {
    const content = toAdaptiveCard(toMessageContent(message, most));
    const contentType = 'application/vnd.microsoft.card.adaptive';
    const attachments = [{ contentType, contentUrl: null, content }];
    const body = JSON.stringify({ type: 'message', attachments });
    if (Buffer.byteLength(body) <= MAX_BODY_BYTES || most === 0) return body;
  }
}

/**
 * A message as an Adaptive Card 1.4 for Teams. Everything that somebody else has named stands in a
 * TextRun, the one element whose text is never read as Markdown, so nothing has to be escaped.
 */
export function toAdaptiveCard(told: MessageContent): object {
  const note =
    told.note === undefined ? [] : [createTextBlock([createTextRun(told.note, { italic: true })])];
  const more =
    told.omitted > 0 ? [createTextBlock([createTextRun(`And ${told.omitted} more.`)])] : [];
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    body: [
      createTextBlock([createTextRun(told.title, { weight: 'Bolder', size: 'Large' })]),
      ...note,
      ...told.alerts.flatMap(toCardElements),
      ...more,
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
