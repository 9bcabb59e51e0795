import { z } from 'zod';
import {
  type ConfigProblem,
  createConfigFileError,
  durationSchema,
  nameSchema,
  prefixReport,
  type ReportProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import { formatSuggestion } from '../../../core/config-files/format-suggestion.ts';
import type { NamedFileText } from '../../../core/config-files/watched-file.ts';
import {
  createReporter,
  isPlainObject,
  parseYamlSource,
  type YamlSource,
} from '../../../core/config-files/yaml-source.ts';
import { DAY_MS, HOUR_MS, parseDuration } from '../../../core/duration.ts';
import {
  type BusinessRule,
  type Condition,
  FACT_NAMES,
  FACT_PARAMS,
  type FactRequest,
  GROUPINGS,
  getFactDefinition,
  listFactRequests,
  OPERATORS,
  type RuleValue,
} from './business-rule.ts';

const MAX_CONDITION_DEPTH = 10;

const factSchemaFields = {
  fact: z.enum(FACT_NAMES),
  params: z.partialRecord(z.enum(FACT_PARAMS), z.string().min(1).max(512)).default({}),
};

const comparisonSchema = z.strictObject({
  ...factSchemaFields,
  operator: z.enum(OPERATORS),
  value: z.number(),
});

/** Parses a condition in the format of json-rules-engine. @returns undefined if it reported problems */
function parseCondition(data: unknown, report: ReportProblem, depth = 0): Condition | undefined {
  if (!isPlainObject(data) || depth > MAX_CONDITION_DEPTH) {
    report([], 'a condition must be a map with `all`, `any`, `not`, or `fact`');
    return undefined;
  }
  const [kind, ...others] = (['all', 'any', 'not', 'fact'] as const).filter((key) => key in data);
  if (kind === undefined || others.length > 0) {
    report([], 'a condition must have exactly one of `all`, `any`, `not`, and `fact`');
    return undefined;
  }
  if (kind === 'fact') {
    const comparison = validateConfig(comparisonSchema, data, report);
    return comparison && isValidFactRequest(comparison, report) ? comparison : undefined;
  }
  for (const key of Object.keys(data)) {
    if (key === kind) continue;
    report([key], `unknown key \`${key}\`; ${formatSuggestion(key, [kind])}`, 'key');
    return undefined;
  }
  if (kind === 'not') {
    const inner = parseCondition(data.not, prefixReport(report, 'not'), depth + 1);
    return inner && { not: inner };
  }
  const list: unknown = data[kind];
  if (!Array.isArray(list) || list.length === 0) {
    report([kind], `\`${kind}\` must be a list of conditions`);
    return undefined;
  }
  const parsed = list.map((each, i) =>
    parseCondition(each, prefixReport(report, kind, i), depth + 1),
  );
  const conditions = parsed.filter((each) => each !== undefined);
  if (conditions.length < parsed.length) return undefined;
  return kind === 'all' ? { all: conditions } : { any: conditions };
}

/**
 * Returns whether a fact has all required parameters and no unknown parameters. Reports problems.
 */
function isValidFactRequest({ fact, params }: FactRequest, report: ReportProblem): boolean {
  const definition = getFactDefinition(fact);
  const missing = definition.required.filter((name) => params[name] === undefined);
  for (const name of missing) report(['params'], `\`${fact}\` requires \`params: { ${name}: … }\``);
  const unknown = FACT_PARAMS.filter((name) => name in params && !definition.params.includes(name));
  for (const name of unknown) {
    const suggestion = formatSuggestion(name, definition.params);
    report(['params', name], `\`${name}\` is not a parameter of \`${fact}\`; ${suggestion}`, 'key');
  }
  const { targetWait } = params;
  const isWaitValid = targetWait === undefined || (parseDuration(targetWait) ?? 0) > 0;
  if (!isWaitValid)
    report(['params', 'targetWait'], '`targetWait` must be a duration such as `30s`');
  return missing.length === 0 && unknown.length === 0 && isWaitValid;
}

const namesSchema = z.array(z.string().min(1)).min(1);
const positiveNumberSchema = z.number().positive();

const limitsSchema = z.strictObject({
  min: z.number(),
  max: z.number(),
  step: positiveNumberSchema.optional(),
  round: positiveNumberSchema.default(0.01),
  changes: z.int().min(1).default(12),
  per: durationSchema.default(HOUR_MS),
});

/** A value that is computed from a fact. */
const factValueSchema = z.strictObject({
  ...factSchemaFields,
  times: z.number().default(1),
  plus: z.number().default(0),
});

/** A rule in the file. The conditions and the value are parsed separately. */
const ruleSchema = z.strictObject({
  name: nameSchema,
  event: nameSchema.optional(),
  setting: nameSchema,
  per: z.enum(GROUPINGS).default('property'),
  only: z
    .strictObject({
      organization: namesSchema.optional(),
      property: namesSchema.optional(),
      environment: namesSchema.optional(),
    })
    .default({}),
  window: durationSchema.default(300_000),
  when: z.unknown(),
  until: z.unknown().optional(),
  value: z.unknown(),
  default: z.number(),
  limits: limitsSchema,
  coolDown: durationSchema.default(60_000),
  expiresAfter: durationSchema.default(900_000),
  dryRun: z.boolean().default(false),
  webhooks: z.array(nameSchema).default([]),
});
type RuleConfig = z.output<typeof ruleSchema>;

/** A webhook that receives decisions. Requests are signed with the secret in `secretFile`. */
const webhookSchema = z.strictObject({
  name: nameSchema,
  url: z.url({ protocol: /^https?$/, error: 'must be a URL that begins with https:// or http://' }),
  secretFile: z.string().min(1).max(4096),
  allowHttp: z.boolean().default(false),
  allowPrivate: z.union([z.boolean(), z.array(z.string())]).default(false),
  caFile: z.string().min(1).max(4096).optional(),
});
export type RuleWebhookConfig = z.output<typeof webhookSchema>;

const businessRulesFileSchema = z.strictObject({
  interval: durationSchema.default(10_000),
  webhooks: z.array(z.unknown()).default([]),
  rules: z.array(z.unknown()).default([]),
});

/** Creates a rule from its entry in the file. @returns undefined if it reported problems */
function buildRule(entry: RuleConfig, report: ReportProblem): BusinessRule | undefined {
  let isValid = true;
  const reportInvalid: ReportProblem = (path, message, on) => {
    isValid = false;
    report(path, message, on);
  };
  const when = parseCondition(entry.when, prefixReport(reportInvalid, 'when'));
  const until =
    entry.until === undefined
      ? undefined
      : parseCondition(entry.until, prefixReport(reportInvalid, 'until'));
  const value = parseRuleValue(entry.value, prefixReport(reportInvalid, 'value'));
  checkLimits(entry, reportInvalid);
  if (entry.expiresAfter < 10_000) {
    reportInvalid(['expiresAfter'], '`expiresAfter` must be at least `10s`');
  }
  if (entry.window < 1000) reportInvalid(['window'], '`window` must be at least `1s`');
  if (!isValid || !when || value === undefined) return undefined;
  const { min, max, step = max - min, round, changes, per: perMs } = entry.limits;
  const rule: BusinessRule = {
    name: entry.name,
    event: entry.event ?? entry.name,
    setting: entry.setting,
    per: entry.per,
    only: entry.only,
    windowMs: entry.window,
    when,
    until,
    value,
    defaultValue: entry.default,
    limits: { min, max, step, round, changes, perMs },
    coolDownMs: entry.coolDown,
    expiresAfterMs: entry.expiresAfter,
    dryRun: entry.dryRun,
    webhooks: entry.webhooks,
  };
  const globalFact = listFactRequests(rule).find(({ fact }) => !getFactDefinition(fact).tenants);
  if (rule.per !== 'all' && globalFact) {
    reportInvalid(['per'], `\`${globalFact.fact}\` has no value per tenant; set \`per: all\``);
    return undefined;
  }
  return rule;
}

function parseRuleValue(data: unknown, report: ReportProblem): RuleValue | undefined {
  if (typeof data === 'number' && Number.isFinite(data)) return data;
  if (typeof data !== 'object' || data === null) {
    report([], '`value` must be a number or `{ fact, times, plus }`');
    return undefined;
  }
  const value = validateConfig(factValueSchema, data, report);
  return value && isValidFactRequest(value, report) ? value : undefined;
}

/**
 * Reports values and defaults outside the limits as soon as the file is loaded, before the rule
 * applies.
 */
function checkLimits(entry: RuleConfig, report: ReportProblem): void {
  const { min, max } = entry.limits;
  const range = `must be between ${min} and ${max}`;
  const isOutOfRange = (value: unknown) =>
    typeof value === 'number' && (value < min || value > max);
  if (min >= max) report(['limits', 'max'], '`max` must be greater than `min`');
  else {
    if (isOutOfRange(entry.value)) report(['value'], `\`value\` ${range}, not ${entry.value}`);
    if (isOutOfRange(entry.default))
      report(['default'], `\`default\` ${range}, not ${entry.default}`);
  }
}

/** The parsed contents of a business rules file. */
export interface BusinessRules {
  /** Time between two evaluations in ms. */
  readonly intervalMs: number;
  readonly rules: readonly BusinessRule[];
  readonly webhooks: readonly RuleWebhookConfig[];
}

export const NO_RULES: BusinessRules = { intervalMs: 10_000, rules: [], webhooks: [] };

/** Returns why the URL of a webhook is not allowed, or undefined if it is allowed. */
export type WebhookUrlValidator = (webhook: RuleWebhookConfig) => string | undefined;

/** @throws PS_BUSINESS_RULES_INVALID with all problems in the file, each with its line */
export function loadBusinessRules(
  file: NamedFileText,
  validateWebhookUrl: WebhookUrlValidator,
): BusinessRules {
  const problems: ConfigProblem[] = [];
  const source = parseYamlSource(file.name, file.text, problems);
  const businessRules = source && parseBusinessRules(source, validateWebhookUrl, problems);
  if (!businessRules || problems.length > 0)
    throw createConfigFileError('PS_BUSINESS_RULES_INVALID', problems);
  return businessRules;
}

function parseBusinessRules(
  source: YamlSource,
  validateWebhookUrl: WebhookUrlValidator,
  problems: ConfigProblem[],
): BusinessRules | undefined {
  const reportTopLevel = createReporter(source, [], problems);
  const file = validateConfig(businessRulesFileSchema, source.data, reportTopLevel);
  if (!file) return undefined;
  if (file.interval < 1000 || file.interval > DAY_MS) {
    reportTopLevel(['interval'], '`interval` must be from `1s` to `1d`');
  }
  const webhooks = file.webhooks.flatMap((data, i) => {
    const report = createReporter(source, ['webhooks', i], problems);
    const entry = validateConfig(webhookSchema, data, report);
    const reason = entry && validateWebhookUrl(entry);
    if (reason) report(['url'], `\`url\` is not allowed: ${reason}`);
    return entry ?? [];
  });
  const webhookNames = webhooks.map(({ name }) => name);
  const ruleNames = new Set<string>();
  const ruleBySetting = new Map<string, string>();
  const rules = file.rules.flatMap((data, i) => {
    const report = createReporter(source, ['rules', i], problems);
    const entry = validateConfig(ruleSchema, data, report);
    if (!entry) return [];
    const { name, setting } = entry;
    if (ruleNames.has(name)) report(['name'], `a rule named \`${name}\` already exists`);
    const otherRule = ruleBySetting.get(setting);
    if (otherRule !== undefined) {
      report(
        ['setting'],
        `the rule \`${otherRule}\` already sets \`${setting}\`; only one rule can set it`,
      );
    }
    ruleNames.add(name);
    ruleBySetting.set(setting, name);
    for (const [j, webhook] of entry.webhooks.entries()) {
      if (webhookNames.includes(webhook)) continue;
      const hint =
        webhookNames.length > 0
          ? formatSuggestion(webhook, webhookNames)
          : 'the file defines no webhooks';
      report(['webhooks', j], `there is no webhook \`${webhook}\`; ${hint}`);
    }
    return buildRule(entry, report) ?? [];
  });
  return { intervalMs: file.interval, rules, webhooks };
}
