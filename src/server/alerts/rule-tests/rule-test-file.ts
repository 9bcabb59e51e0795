import { z } from 'zod';
import { durationSchema } from '../../../core/config-files/config-validation.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import { ALERT_STATES } from '../../../core/schema/tables/alerts-table.ts';

const SERIES_PATTERN = /^([A-Za-z0-9][\w.-]*)\s*(?:\{(.*)\})?$/;
const LABEL_PATTERN = /^\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/;

/** A rule with one of its groups: `response-time{service="booking",endpoint="/rooms"}`. */
const seriesSchema = z.string().transform((text, ctx) => {
  const [, rule, inside = ''] = SERIES_PATTERN.exec(text.trim()) ?? [];
  const labels: Record<string, string> = {};
  let rest = inside;
  while (rule !== undefined && rest.trim() !== '') {
    const label = LABEL_PATTERN.exec(rest);
    if (!label) break;
    labels[label[1]!] = label[2]!.replace(/\\(.)/g, '$1');
    rest = rest.slice(label[0].length);
  }
  if (rule !== undefined && rest.trim() === '') return { rule, labels };
  const message = 'must be a rule with a group, such as `error-rate{service="booking"}`';
  ctx.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

const samplesSchema = z.union([z.string(), z.number()]).transform((text, ctx) => {
  try {
    return parseSeries(String(text));
  } catch (error) {
    ctx.issues.push({
      code: 'custom',
      message: `must be a series: ${errorMessage(error)}`,
      input: text,
    });
    return z.NEVER;
  }
});

const expectedAlertSchema = z.strictObject({
  labels: z.record(z.string(), z.string()).default({}),
  severity: z.enum(ALERT_SEVERITIES).optional(),
  state: z.enum(ALERT_STATES).optional(),
  annotations: z.record(z.string(), z.string()).default({}),
});
export type ExpectedAlert = z.output<typeof expectedAlertSchema>;

const positiveDurationSchema = durationSchema.refine((ms) => ms > 0, {
  error: 'must be longer than 0',
});

const ruleTestSchema = z.strictObject({
  name: z.string().optional(),
  interval: positiveDurationSchema.default(60_000),
  input_series: z.array(
    z.strictObject({
      series: seriesSchema,
      values: samplesSchema,
      counts: samplesSchema.optional(),
    }),
  ),
  alert_rule_test: z
    .array(
      z.strictObject({
        eval_time: durationSchema,
        rule: z.string(),
        exp_alerts: z.array(expectedAlertSchema).default([]),
      }),
    )
    .min(1),
});
export type RuleTest = z.output<typeof ruleTestSchema>;

/** A file for `perfscope test-rules`, in the format of `promtool test rules`. */
export const ruleTestFileSchema = z.strictObject({
  evaluation_interval: positiveDurationSchema.optional(),
  tests: z.array(ruleTestSchema).min(1),
});

/** One sample of a series: a number, `gap` (`_`, no new data), or `stale` (the series ended). */
export type Sample = number | 'gap' | 'stale';

const NUMBER_PATTERN = String.raw`[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)`;
const ITEM_PATTERN = new RegExp(
  `^(?:(${NUMBER_PATTERN})(?:([+-]\\d+(?:\\.\\d+)?)?x(\\d+))?|_(?:x(\\d+))?|stale)$`,
);
/** Limit on samples per series, to catch typos. */
const MAX_SAMPLES = 100_000;

/**
 * Parses the series notation of promtool: `1 2 3`, `0+10x5` (0 10 20 30 40 50), `5x3` (5 5 5 5), `_`,
 * `_x3`, `stale` (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/).
 *
 * @throws Error with the invalid part
 */
export function parseSeries(text: string): Sample[] {
  const samples = text
    .trim()
    .split(/\s+/)
    .filter((item) => item !== '')
    .flatMap(expandItem);
  if (samples.length > MAX_SAMPLES) throw createTooManySamplesError();
  return samples;
}

function expandItem(item: string): Sample[] {
  const parts = ITEM_PATTERN.exec(item);
  if (!parts) {
    throw new Error(
      `\`${item}\` is not a valid value; use numbers, \`a+bxn\`, \`axn\`, \`_\`, \`_xn\`, or \`stale\``,
    );
  }
  const [, first, step = '0', times = '0', gaps] = parts;
  if (Number(times) > MAX_SAMPLES || Number(gaps ?? 0) > MAX_SAMPLES)
    throw createTooManySamplesError();
  if (first !== undefined) {
    const start = Number(first.replace('Inf', 'Infinity'));
    return Array.from(
      { length: Number(times) + 1 },
      (_, i) => start + (i === 0 ? 0 : i * Number(step)),
    );
  }
  return item === 'stale' ? ['stale'] : Array<Sample>(Number(gaps ?? 1)).fill('gap');
}

function createTooManySamplesError(): Error {
  return new Error(`it has more than ${MAX_SAMPLES} values`);
}
