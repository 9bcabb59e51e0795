import { z } from 'zod';
import {
  type ConfigProblem,
  createConfigFileError,
  durationSchema,
  formatSuggestion,
  nameSchema,
  prefixReport,
  type ReportProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import type { NamedFileText } from '../../../core/config-files/watched-file.ts';
import {
  createReporter,
  isPlainObject,
  parseYamlSource,
  type YamlSource,
} from '../../../core/config-files/yaml-source.ts';
import { parseDuration } from '../../../core/format.ts';
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

/** Reads a condition as json-rules-engine knows it. @returns undefined after problems were reported */
function parseCondition(data: unknown, report: ReportProblem, depth = 0): Condition | undefined {
  if (!isPlainObject(data) || depth > MAX_CONDITION_DEPTH) {
    report([], 'a condition must be a map with `all`, `any`, `not` or `fact`');
    return undefined;
  }
  const [kind, ...others] = (['all', 'any', 'not', 'fact'] as const).filter((key) => key in data);
  if (kind === undefined || others.length > 0) {
    report([], 'a condition must have exactly one of `all`, `any`, `not` and `fact`');
    return undefined;
  }
  if (kind === 'fact') {
    const found = validateConfig(comparisonSchema, data, report);
    return found && isValidFactRequest(found, report) ? found : undefined;
  }
  for (const key of Object.keys(data)) {
    if (key === kind) continue;
    report([key], `\`${key}\` is not known here; ${formatSuggestion(key, [kind])}`, 'key');
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
  const inner = list.map((each, i) =>
    parseCondition(each, prefixReport(report, kind, i), depth + 1),
  );
  const sound = inner.filter((each) => each !== undefined);
  if (sound.length < inner.length) return undefined;
  return kind === 'all' ? { all: sound } : { any: sound };
}

/** Whether a fact has the parameters that it needs, and no others. */
function isValidFactRequest({ fact, params }: FactRequest, report: ReportProblem): boolean {
  const words = getFactDefinition(fact);
  const missing = words.required.filter((name) => params[name] === undefined);
  for (const name of missing) report(['params'], `\`${fact}\` needs \`params: { ${name}: … }\``);
  const others = FACT_PARAMS.filter((name) => name in params && !words.params.includes(name));
  for (const name of others) {
    const allowed = formatSuggestion(name, words.params);
    report(['params', name], `\`${name}\` is no parameter of \`${fact}\`; ${allowed}`, 'key');
  }
  const { targetWait } = params;
  const isWait = targetWait === undefined || (parseDuration(targetWait) ?? 0) > 0;
  if (!isWait) report(['params', 'targetWait'], '`targetWait` must be a duration such as `30s`');
  return missing.length === 0 && others.length === 0 && isWait;
}

const namesSchema = z.array(z.string().min(1)).min(1);
const positiveNumberSchema = z.number().positive();

const limitsSchema = z.strictObject({
  min: z.number(),
  max: z.number(),
  step: positiveNumberSchema.optional(),
  round: positiveNumberSchema.default(0.01),
  changes: z.int().min(1).default(12),
  per: durationSchema.default(3_600_000),
});

/** A value that follows a fact. */
const factValueSchema = z.strictObject({
  ...factSchemaFields,
  times: z.number().default(1),
  plus: z.number().default(0),
});

/** One rule as the file says it; conditions and the value are read by themselves. */
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

/** Where decisions are posted to, signed with what is in `secretFile`. */
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

/** Makes the rule that `entry` says. @returns undefined after its problems have been reported */
function buildRule(entry: RuleConfig, report: ReportProblem): BusinessRule | undefined {
  let sound = true;
  const wrong: ReportProblem = (path, message, on) => {
    sound = false;
    report(path, message, on);
  };
  const when = parseCondition(entry.when, prefixReport(wrong, 'when'));
  const until =
    entry.until === undefined
      ? undefined
      : parseCondition(entry.until, prefixReport(wrong, 'until'));
  const value = parseRuleValue(entry.value, prefixReport(wrong, 'value'));
  checkLimits(entry, wrong);
  if (entry.expiresAfter < 10_000) wrong(['expiresAfter'], '`expiresAfter` must be at least `10s`');
  if (entry.window < 1000) wrong(['window'], '`window` must be at least `1s`');
  if (!sound || !when || value === undefined) return undefined;
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
  const ofNobody = listFactRequests(rule).find(({ fact }) => !getFactDefinition(fact).tenants);
  if (rule.per !== 'all' && ofNobody) {
    wrong(['per'], `\`${ofNobody.fact}\` is of no tenant: the rule must be \`per: all\``);
    return undefined;
  }
  return rule;
}

function parseRuleValue(data: unknown, report: ReportProblem): RuleValue | undefined {
  if (typeof data === 'number' && Number.isFinite(data)) return data;
  if (typeof data !== 'object' || data === null) {
    report([], '`value` must be a number, or `{ fact, times, plus }`');
    return undefined;
  }
  const follow = validateConfig(factValueSchema, data, report);
  return follow && isValidFactRequest(follow, report) ? follow : undefined;
}

/** What the rule may never set is refused now, not when it is to be set. */
function checkLimits(entry: RuleConfig, report: ReportProblem): void {
  const { min, max } = entry.limits;
  const between = `must lie within the limits ${min} and ${max}`;
  const isOut = (value: unknown) => typeof value === 'number' && (value < min || value > max);
  if (min >= max) report(['limits', 'max'], '`max` must be greater than `min`');
  else {
    if (isOut(entry.value)) report(['value'], `\`value\` ${between}, not ${entry.value}`);
    if (isOut(entry.default)) report(['default'], `\`default\` ${between}, not ${entry.default}`);
  }
}

/** Everything that the file says. */
export interface BusinessRules {
  /** Time between two evaluations in ms. */
  readonly intervalMs: number;
  readonly rules: readonly BusinessRule[];
  readonly webhooks: readonly RuleWebhookConfig[];
}

export const NO_RULES: BusinessRules = { intervalMs: 10_000, rules: [], webhooks: [] };

/** Why nothing may be sent to a webhook's address; undefined where it may. */
export type WebhookUrlValidator = (webhook: RuleWebhookConfig) => string | undefined;

/** @throws PS_BUSINESS_RULES_INVALID with every problem of the file, each with its line */
export function loadBusinessRules(
  file: NamedFileText,
  refusal: WebhookUrlValidator,
): BusinessRules {
  const problems: ConfigProblem[] = [];
  const source = parseYamlSource(file.name, file.text, problems);
  const found = source && parseBusinessRules(source, refusal, problems);
  if (!found || problems.length > 0)
    throw createConfigFileError('PS_BUSINESS_RULES_INVALID', problems);
  return found;
}

function parseBusinessRules(
  source: YamlSource,
  refusal: WebhookUrlValidator,
  problems: ConfigProblem[],
): BusinessRules | undefined {
  const top = createReporter(source, [], problems);
  const file = validateConfig(businessRulesFileSchema, source.data, top);
  if (!file) return undefined;
  if (file.interval < 1000) top(['interval'], '`interval` must be at least `1s`');
  const webhooks = file.webhooks.flatMap((data, i) => {
    const report = createReporter(source, ['webhooks', i], problems);
    const entry = validateConfig(webhookSchema, data, report);
    const reason = entry && refusal(entry);
    if (reason) report(['url'], `\`url\` cannot be used: ${reason}`);
    return entry ?? [];
  });
  const hooks = webhooks.map(({ name }) => name);
  const seen = { names: new Map<string, number>(), settings: new Map<string, string>() };
  const rules = file.rules.flatMap((data, i) => {
    const report = createReporter(source, ['rules', i], problems);
    const entry = validateConfig(ruleSchema, data, report);
    if (!entry) return [];
    const { name, setting } = entry;
    if (seen.names.has(name)) report(['name'], `there is a rule \`${name}\` already`);
    const other = seen.settings.get(setting);
    if (other !== undefined) {
      report(
        ['setting'],
        `\`${setting}\` is set by the rule \`${other}\` already: two would fight`,
      );
    }
    seen.names.set(name, i);
    seen.settings.set(setting, name);
    for (const [j, hook] of entry.webhooks.entries()) {
      if (hooks.includes(hook)) continue;
      const hint = hooks.length > 0 ? formatSuggestion(hook, hooks) : 'the file names none';
      report(['webhooks', j], `there is no webhook \`${hook}\`; ${hint}`);
    }
    return buildRule(entry, report) ?? [];
  });
  return { intervalMs: file.interval, rules, webhooks };
}
