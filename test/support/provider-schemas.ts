import { z } from 'zod';

// Strict schemas of each provider's request body, from the provider's documentation.

const plainText = (maxLength: number) =>
  z.strictObject({
    type: z.literal('plain_text'),
    text: z.string().min(1).max(maxLength),
    emoji: z.boolean().optional(),
  });
const mrkdwn = z.strictObject({
  type: z.literal('mrkdwn'),
  text: z.string().min(1).max(3000),
  verbatim: z.boolean().optional(),
});

/** https://docs.slack.dev/reference/block-kit/blocks and messaging/sending-messages-using-incoming-webhooks */
export const slackSchema = z.strictObject({
  text: z.string().max(40_000),
  unfurl_links: z.boolean(),
  unfurl_media: z.boolean(),
  link_names: z.boolean(),
  parse: z.enum(['none', 'full']),
  blocks: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('header'), text: plainText(150) }),
        z.strictObject({ type: z.literal('section'), text: z.union([plainText(3000), mrkdwn]) }),
        z.strictObject({ type: z.literal('divider') }),
        z.strictObject({
          type: z.literal('context'),
          elements: z.array(z.union([plainText(3000), mrkdwn])).max(10),
        }),
      ]),
    )
    .max(50),
});

const textRun = z.strictObject({
  type: z.literal('TextRun'),
  text: z.string(),
  weight: z.enum(['Lighter', 'Default', 'Bolder']).optional(),
  size: z.enum(['Small', 'Default', 'Medium', 'Large', 'ExtraLarge']).optional(),
  italic: z.boolean().optional(),
});
const openUrl = z.strictObject({
  type: z.literal('Action.OpenUrl'),
  title: z.string(),
  url: z.url(),
});

/** https://adaptivecards.io/schemas/adaptive-card.json, in the envelope that a workflow requires. */
export const teamsSchema = z.strictObject({
  type: z.literal('message'),
  attachments: z.tuple([
    z.strictObject({
      contentType: z.literal('application/vnd.microsoft.card.adaptive'),
      contentUrl: z.null(),
      content: z.strictObject({
        $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
        type: z.literal('AdaptiveCard'),
        version: z.enum(['1.2', '1.3', '1.4', '1.5']),
        msteams: z.strictObject({ width: z.literal('Full') }),
        body: z.array(
          z.discriminatedUnion('type', [
            z.strictObject({
              type: z.literal('RichTextBlock'),
              inlines: z.array(textRun),
              separator: z.boolean().optional(),
            }),
            z.strictObject({ type: z.literal('ActionSet'), actions: z.array(openUrl) }),
          ]),
        ),
      }),
    }),
  ]),
});

/** https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ */
export const pagerdutySchema = z.discriminatedUnion('event_action', [
  z.strictObject({
    routing_key: z.string().length(32),
    dedup_key: z.string().max(255),
    event_action: z.literal('trigger'),
    client: z.string().optional(),
    client_url: z.url().optional(),
    payload: z.strictObject({
      summary: z.string().min(1).max(1024),
      source: z.string().min(1),
      severity: z.enum(['critical', 'error', 'warning', 'info']),
      timestamp: z.iso.datetime().optional(),
      component: z.string().optional(),
      group: z.string().optional(),
      class: z.string().optional(),
      custom_details: z.record(z.string(), z.unknown()).optional(),
    }),
    links: z.array(z.strictObject({ href: z.url(), text: z.string() })).optional(),
  }),
  z.strictObject({
    routing_key: z.string().length(32),
    dedup_key: z.string().max(255),
    event_action: z.enum(['acknowledge', 'resolve']),
  }),
]);

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
export const twilioSchema = z.strictObject({
  To: z.string().regex(/^\+[1-9]\d{1,14}$/),
  From: z
    .string()
    .regex(/^\+[1-9]\d{1,14}$/)
    .optional(),
  MessagingServiceSid: z
    .string()
    .regex(/^MG[0-9a-fA-F]{32}$/)
    .optional(),
  Body: z.string().min(1).max(1600),
});
