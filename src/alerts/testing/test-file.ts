import { z } from 'zod';
import { duration } from '../../entries/fields.ts';
import { reasonOf } from '../../errors.ts';
import { ALERT_STATES } from '../../schema/alerts.ts';
import { SEVERITIES } from '../../schema/severity.ts';
import { parseSeries } from './notation.ts';

const SERIES = /^([A-Za-z0-9][\w.-]*)\s*(?:\{(.*)\})?$/;
const LABEL = /^\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/;

/** `response-time{service="booking",endpoint="/rooms"}`: values of a rule for one of its groups. */
const seriesName = z.string().transform((text, ctx) => {
  const [, rule, inside = ''] = SERIES.exec(text.trim()) ?? [];
  const labels: Record<string, string> = {};
  let rest = inside;
  while (rule !== undefined && rest.trim() !== '') {
    const label = LABEL.exec(rest);
    if (!label) break;
    labels[label[1]!] = label[2]!.replace(/\\(.)/g, '$1');
    rest = rest.slice(label[0].length);
  }
  if (rule !== undefined && rest.trim() === '') return { rule, labels };
  const message = 'must be a rule with its group, such as `error-rate{service="booking"}`';
  ctx.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

const samples = z.union([z.string(), z.number()]).transform((text, ctx) => {
  try {
    return parseSeries(String(text));
  } catch (error) {
    ctx.issues.push({
      code: 'custom',
      message: `must be a series: ${reasonOf(error)}`,
      input: text,
    });
    return z.NEVER;
  }
});

const alert = z.strictObject({
  labels: z.record(z.string(), z.string()).default({}),
  severity: z.enum(SEVERITIES).optional(),
  state: z.enum(ALERT_STATES).optional(),
  annotations: z.record(z.string(), z.string()).default({}),
});
export type ExpectedAlert = z.output<typeof alert>;

const positive = duration.refine((ms) => ms > 0, { error: 'must be longer than 0' });

const test = z.strictObject({
  name: z.string().optional(),
  interval: positive.default(60_000),
  input_series: z.array(
    z.strictObject({ series: seriesName, values: samples, counts: samples.optional() }),
  ),
  alert_rule_test: z
    .array(
      z.strictObject({
        eval_time: duration,
        rule: z.string(),
        exp_alerts: z.array(alert).default([]),
      }),
    )
    .min(1),
});
export type RuleTest = z.output<typeof test>;

/** A file of `perfscope test-rules`, in the form of `promtool test rules`. */
export const testFile = z.strictObject({
  evaluation_interval: positive.optional(),
  tests: z.array(test).min(1),
});
