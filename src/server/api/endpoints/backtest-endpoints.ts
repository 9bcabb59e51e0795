import { z } from 'zod';
import { getRangeLengthMs, type TimeRange } from '../../../storage/queries/time-range.ts';
import { getQueryCaller } from '../../../storage/questdb/query-caller.ts';
import { MAX_BACKTEST_MS } from '../../backtest/service/backtest-service.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import {
  getTimeZone,
  parseTimeRange,
  type TimeRangeParameters,
  toDurationMs,
} from '../request/request-time-range.ts';
import { severitySchema } from '../schemas/alert-schemas.ts';
import { RANGE_PARAMETERS, STEP_PARAMETER } from '../schemas/query-parameters.ts';
import { optionalNumberSchema, timeSchema } from '../schemas/response-schemas.ts';

const DEFAULT_BACKTEST = '7d';
const DEFAULT_NOISE = '28d';

const recipientSchema = z.strictObject({ name: z.string(), messages: z.int() });

const replaySchema = z
  .strictObject({
    fired: z.int().meta({ description: 'Number of alerts that fired.' }),
    stillFiring: z.int().meta({ description: 'Number of these alerts that fire at the end.' }),
    firingMs: z.number().meta({ description: 'Total time of these alerts, in ms.' }),
    medianMs: optionalNumberSchema.meta({ description: 'Median time of an alert, in ms.' }),
    severities: z
      .record(z.string(), z.int())
      .meta({ description: 'Number of alerts by their highest severity.' }),
    messages: z.int().meta({ description: 'Number of messages with an alert of the rule.' }),
    receivers: z.array(recipientSchema),
    people: z.array(recipientSchema).meta({ description: 'People and roles.' }),
    hours: z.array(z.int()).length(24).meta({ description: 'Number of messages by local hour.' }),
    nightMessages: z.int().meta({ description: 'Messages from 22:00 to 07:00.' }),
    nightPages: z.int().meta({ description: 'These messages by SMS or PagerDuty.' }),
    examples: z.array(
      z.strictObject({
        labels: z.record(z.string(), z.string()),
        severity: severitySchema,
        value: optionalNumberSchema,
        firedAt: timeSchema,
        endedAt: timeSchema.optional(),
      }),
    ),
    skipped: z.string().optional().meta({ description: "Why the rule can't be replayed." }),
    notes: z
      .array(z.string())
      .meta({ description: 'How the replay differs from live evaluation.' }),
  })
  .meta({ id: 'RuleReplay' });

export const backtestEndpoint = defineEndpoint({
  path: '/api/performance/backtest',
  methods: ['get', 'post'],
  summary: 'Returns the progress of the running backtest.',
  postSummary:
    'Replays stored data through the rules in `rules`, next to the current rules. Default range: the last 7 days.',
  permission: 'backtest',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...STEP_PARAMETER,
    rule: z
      .array(z.string().min(1).max(200))
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Replays only this rule. Can be repeated.' }),
  }),
  body: z.strictObject({
    rules: z.string().max(60_000).optional().meta({
      description: 'YAML text of a rules file. Without it, only the current rules are replayed.',
    }),
  }),
  response: z
    .strictObject({
      progress: z
        .strictObject({ done: z.number(), rows: z.int() })
        .optional()
        .meta({ description: 'Progress of the running backtest, from 0 to 1.' }),
      result: z
        .strictObject({
          from: timeSchema,
          to: timeSchema,
          stepMs: z.number(),
          timeZone: z.string(),
          durationMs: z.number(),
          rules: z.array(
            z.strictObject({
              name: z.string(),
              change: z.enum(['added', 'removed', 'changed', 'unchanged']),
              current: replaySchema.optional(),
              proposed: replaySchema.optional(),
            }),
          ),
          stored: z
            .strictObject({
              alerts: z.int(),
              reproduced: z.int(),
              late: z.int().meta({ description: 'Differ because rows arrived late.' }),
              other: z.int(),
              added: z.int().meta({ description: 'Raised only by the replay.' }),
            })
            .meta({ description: 'Stored alerts, and how many the current rules reproduce.' }),
          notes: z.array(z.string()),
        })
        .optional(),
    })
    .meta({ id: 'Backtest' }),
  async handle({ dependencies, method, query, body, nowMs }) {
    const { backtests, zone } = dependencies;
    if (method === 'get') return { progress: backtests.getProgress() };
    const timeZone = getTimeZone(query, zone);
    const range = parseLongRange(query, timeZone, nowMs, DEFAULT_BACKTEST);
    const { rules } = body as { rules?: string };
    const stepMs = query.step === undefined ? undefined : toDurationMs(query.step);
    const input = { rules, range, stepMs, ruleNames: query.rule, timeZone };
    return { result: await backtests.run(input, getQueryCaller()?.signal) };
  },
});

export const noiseEndpoint = defineEndpoint({
  path: '/api/performance/noise',
  methods: ['get'],
  summary:
    'Returns how noisy each rule was. With suggest=true, administrators also get a quieter rule from a backtest. Default range: the last 28 days.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    suggest: z
      .boolean()
      .default(false)
      .meta({ description: 'Whether to search for quieter rules: true or false.' }),
  }),
  response: z
    .strictObject({
      from: timeSchema,
      to: timeSchema,
      timeZone: z.string(),
      rules: z.array(
        z.strictObject({
          name: z.string(),
          fired: z.int(),
          firingMs: z.number(),
          medianMs: optionalNumberSchema,
          acknowledged: z.int(),
          unacknowledged: z.int(),
          short: z.int().meta({
            description: 'Alerts without an acknowledgment that ended within 10 minutes.',
          }),
          flapping: z.int().meta({
            description: 'Alerts that fired within 30 minutes after the last alert of their group.',
          }),
          nightPages: z.int().meta({
            description: 'Messages by SMS or PagerDuty from 22:00 to 07:00.',
          }),
          receivers: z.array(recipientSchema.extend({ nightMessages: z.int() })),
          suggestion: z
            .strictObject({
              change: z.string(),
              currentFired: z.int(),
              suggestedFired: z.int(),
              yaml: z.string().meta({ description: 'Rules file with the change.' }),
            })
            .optional(),
          reason: z.string().optional().meta({ description: 'Why there is no suggestion.' }),
        }),
      ),
      notes: z.array(z.string()),
    })
    .meta({ id: 'Noise' }),
  handle({ dependencies, query, scope, principal, nowMs }) {
    const { backtests, zone } = dependencies;
    const timeZone = getTimeZone(query, zone);
    const range = parseLongRange(query, timeZone, nowMs, DEFAULT_NOISE);
    const suggests = query.suggest && principal.role === 'ADMIN' && scope.organizations === 'all';
    return backtests.getNoise(range, timeZone, scope, suggests, getQueryCaller()?.signal);
  },
});

/** Returns the range of a request. @throws PS_REQUEST_INVALID */
function parseLongRange(
  query: TimeRangeParameters,
  zone: string,
  nowMs: number,
  fallback: string,
): TimeRange {
  const hasRange = query.from !== undefined || query.last !== undefined;
  const range = parseTimeRange(hasRange ? query : { ...query, last: fallback }, zone, nowMs);
  if (getRangeLengthMs(range) <= MAX_BACKTEST_MS) return range;
  throw createRequestError({
    parameter: query.from === undefined ? 'last' : 'from',
    reason: 'selects a range that is too long',
    allowed: 'at most 90 days',
  });
}
