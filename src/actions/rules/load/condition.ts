import { z } from 'zod';
import { checked } from '../../../entries/check.ts';
import { below, type Report, suggest } from '../../../entries/problems.ts';
import { isData } from '../../../entries/source.ts';
import { parseDuration } from '../../../schema/duration.ts';
import { FACT_NAMES, FACT_PARAMS, type FactRequest, factWords } from '../facts/words.ts';
import { type Condition, OPERATORS } from '../rule.ts';

const MOST_DEEP = 10;

export const factEntry = {
  fact: z.enum(FACT_NAMES),
  params: z.partialRecord(z.enum(FACT_PARAMS), z.string().min(1).max(512)).default({}),
};

const comparison = z.strictObject({
  ...factEntry,
  operator: z.enum(OPERATORS),
  value: z.number(),
});

/** Reads a condition as json-rules-engine knows it. @returns undefined after problems were reported */
export function conditionOf(data: unknown, report: Report, depth = 0): Condition | undefined {
  if (!isData(data) || depth > MOST_DEEP) {
    report([], 'a condition must be a map with `all`, `any`, `not` or `fact`');
    return undefined;
  }
  const [kind, ...others] = (['all', 'any', 'not', 'fact'] as const).filter((key) => key in data);
  if (kind === undefined || others.length > 0) {
    report([], 'a condition must have exactly one of `all`, `any`, `not` and `fact`');
    return undefined;
  }
  if (kind === 'fact') {
    const found = checked(comparison, data, report);
    return found && isSound(found, report) ? found : undefined;
  }
  for (const key of Object.keys(data)) {
    if (key === kind) continue;
    report([key], `\`${key}\` is not known here; ${suggest(key, [kind])}`, 'key');
    return undefined;
  }
  if (kind === 'not') {
    const inner = conditionOf(data.not, below(report, 'not'), depth + 1);
    return inner && { not: inner };
  }
  const list: unknown = data[kind];
  if (!Array.isArray(list) || list.length === 0) {
    report([kind], `\`${kind}\` must be a list of conditions`);
    return undefined;
  }
  const inner = list.map((each, i) => conditionOf(each, below(report, kind, i), depth + 1));
  const sound = inner.filter((each) => each !== undefined);
  if (sound.length < inner.length) return undefined;
  return kind === 'all' ? { all: sound } : { any: sound };
}

/** Whether a fact has the parameters that it needs, and no others. */
export function isSound({ fact, params }: FactRequest, report: Report): boolean {
  const words = factWords(fact);
  const missing = words.required.filter((name) => params[name] === undefined);
  for (const name of missing) report(['params'], `\`${fact}\` needs \`params: { ${name}: … }\``);
  const others = FACT_PARAMS.filter((name) => name in params && !words.params.includes(name));
  for (const name of others) {
    const allowed = suggest(name, words.params);
    report(['params', name], `\`${name}\` is no parameter of \`${fact}\`; ${allowed}`, 'key');
  }
  const { targetWait } = params;
  const isWait = targetWait === undefined || (parseDuration(targetWait) ?? 0) > 0;
  if (!isWait) report(['params', 'targetWait'], '`targetWait` must be a duration such as `30s`');
  return missing.length === 0 && others.length === 0 && isWait;
}
