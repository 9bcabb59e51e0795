import { z } from 'zod';
import { AlertSeverity } from '../../../core/schema/enums.ts';
import { ALERT_STATES } from '../../../core/schema/tables/alerts-table.ts';
import { WAITING_REASONS } from '../../alerts/evaluation/observation.ts';
import { RULE_SOURCES } from '../../alerts/rules/rule-definition.ts';
import { optionalNumberSchema, optionalTextSchema, timeSchema } from './response-schemas.ts';

export const severitySchema = z.enum(AlertSeverity);
export const directionSchema = z.enum(['above', 'below']);
export const thresholdSchema = z.strictObject({
  severity: severitySchema,
  threshold: z.number(),
});
export const alertStateSchema = z.enum(ALERT_STATES);
const labelsSchema = z.record(z.string(), z.string());
const runbookSchema = optionalTextSchema.meta({
  description:
    'Link to the runbook. For a built-in rule without a public URL of the server, the path `/runbooks/NAME` on the server.',
});

const suppressionSchema = z.strictObject({
  reason: z.string().meta({
    description:
      'For example silenced. With duplicate, the alert was already sent, and will be sent again.',
  }),
  by: z.string().meta({
    description:
      'ID of a silence or of another alert, name of a maintenance window, or labels of the notification group, such as service=booking, organization=grand.',
  }),
  detail: z.string(),
  until: timeSchema.optional(),
});

export const alertSchema = z
  .strictObject({
    id: z.string(),
    rule: z.string(),
    state: alertStateSchema,
    severity: severitySchema,
    labels: labelsSchema,
    annotations: labelsSchema,
    runbook: runbookSchema,
    value: optionalNumberSchema,
    threshold: optionalNumberSchema,
    cause: optionalTextSchema,
    author: optionalTextSchema,
    comment: optionalTextSchema,
    startedAt: timeSchema,
    firedAt: timeSchema.optional(),
    changedAt: timeSchema,
    held: z
      .array(suppressionSchema)
      .meta({ description: 'Reasons why no message is sent now. Empty if one is sent.' }),
    incidentId: optionalTextSchema.meta({
      description: 'ID of the incident that contains the alert. Missing for pending alerts.',
    }),
  })
  .meta({ id: 'Alert' });

export const transitionSchema = z
  .strictObject({
    at: timeSchema,
    seq: z.number(),
    state: alertStateSchema,
    severity: severitySchema,
    value: optionalNumberSchema,
    threshold: optionalNumberSchema,
    cause: optionalTextSchema,
    author: optionalTextSchema,
    comment: optionalTextSchema,
  })
  .meta({ id: 'AlertTransition' });

const ruleQuerySchema = z
  .strictObject({
    kind: z.enum(['metric', 'sql', 'internal', 'burnRate', 'deploy', 'forecast']),
    metricType: optionalTextSchema,
    aggregate: optionalTextSchema,
    filters: z.record(z.string(), z.array(z.string())).optional(),
    groupBy: z.array(z.string()).optional(),
    window: optionalNumberSchema,
    slowerThan: optionalNumberSchema,
    baseline: optionalNumberSchema,
    minimumIncrease: optionalNumberSchema,
    of: optionalTextSchema.meta({
      description:
        'Only for `anomaly`: the aggregate whose distance from its normal values is the value.',
    }),
    sensitivity: optionalTextSchema.meta({ description: 'Only for `anomaly`.' }),
    side: z.enum(['above', 'below', 'both']).optional().meta({
      description: 'Only for `anomaly`: the side of the normal values that counts.',
    }),
    sql: optionalTextSchema.meta({ description: 'The statement of a SQL rule. Only for ADMIN.' }),
    metric: optionalTextSchema.meta({
      description: 'The metric of a rule about Perfscope itself.',
    }),
  })
  .meta({ id: 'RuleQuery', description: 'What a rule measures. Durations are in ms.' });

const ruleValueSchema = z
  .strictObject({
    labels: labelsSchema,
    value: optionalNumberSchema,
    state: z.enum([...ALERT_STATES, 'inactive']),
  })
  .meta({ id: 'RuleValue', description: 'The newest value of one group of a rule.' });

const ruleWaitingSchema = z
  .strictObject({
    reason: z.enum(WAITING_REASONS).meta({
      description:
        "`baseline`: the baseline is too short. `coverage`: the window contains too little data. `objective`: the objective's first event is newer than the window of the burn rate.",
    }),
    readyGroups: z.number().meta({ description: 'Number of groups with enough data.' }),
    groups: z.number(),
    needed: z.number().meta({ description: 'Length of the data that a group needs, in ms.' }),
    expectedAt: timeSchema.meta({
      description: 'Time at which all current groups have enough data.',
    }),
    text: z.string(),
  })
  .meta({
    id: 'RuleWaiting',
    description:
      "Why a rule can't evaluate some of its groups yet. Missing if the rule evaluates all groups.",
  });

export const alertRuleSchema = z
  .strictObject({
    name: z.string(),
    state: z.enum(['inactive', 'pending', 'firing']),
    alerts: z.number(),
    thresholds: z.array(thresholdSchema),
    direction: directionSchema,
    labels: labelsSchema,
    runbook: runbookSchema,
    for: z.number(),
    interval: z.number(),
    evaluatedAt: timeSchema.optional(),
    durationMs: optionalNumberSchema,
    error: optionalTextSchema,
    failures: z.number(),
    target: z.boolean(),
    met: optionalNumberSchema.meta({
      description: 'For targets: percentage of the last 24 hours in which the target was met.',
    }),
    query: ruleQuerySchema,
    unit: optionalTextSchema.meta({
      description: 'Unit of the values and thresholds (UCUM). Missing if it is unknown.',
    }),
    summary: optionalTextSchema.meta({
      description: 'The template of the annotation `summary`, with its placeholders.',
    }),
    description: optionalTextSchema.meta({
      description: 'The template of the annotation `description`.',
    }),
    source: z.enum(RULE_SOURCES),
    overridden: z
      .boolean()
      .meta({ description: 'Whether the rules file changes this built-in rule.' }),
    yaml: optionalTextSchema.meta({
      description: 'Text of a rules file that contains this rule. Only for ADMIN.',
    }),
    values: z.array(ruleValueSchema).meta({
      description:
        'The newest values of up to 20 groups: firing alerts first, and then the worst values.',
    }),
    valueCount: z.number().meta({ description: 'Number of groups with a value.' }),
    waiting: ruleWaitingSchema.optional(),
  })
  .meta({ id: 'Rule', description: 'An alert rule. Durations are in ms.' });

export const silenceSchema = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['silenced', 'maintenance']),
    matchers: z.array(z.string()),
    startsAt: timeSchema.optional(),
    endsAt: timeSchema.optional(),
    recurrence: z.looseObject({}).optional(),
    author: z.string(),
    comment: z.string(),
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
  })
  .meta({ id: 'Silence' });

/** Path parameters of endpoints for one alert, silence, or notification. */
export const ID_PARAMS_SCHEMA = z.strictObject({
  id: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .meta({ description: 'The `id` from the list.' }),
});

/** Body of a request that acknowledges alerts. */
export const acknowledgeBodySchema = z.strictObject({ comment: z.string().min(1).max(2000) });
