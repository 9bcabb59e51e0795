import { checked } from '../../../entries/check.ts';
import { fileInvalid, type LocatedProblem, suggest } from '../../../entries/problems.ts';
import { parseSource, reporter, type Source } from '../../../entries/source.ts';
import type { NamedText } from '../../../entries/watched-file.ts';
import type { BusinessRule } from '../rule.ts';
import { buildRule } from './build.ts';
import { fileEntry, ruleEntry, type WebhookEntry, webhookEntry } from './entry.ts';

/** Everything that the file says. */
export interface BusinessRules {
  /** Time between two evaluations in ms. */
  readonly intervalMs: number;
  readonly rules: readonly BusinessRule[];
  readonly webhooks: readonly WebhookEntry[];
}

export const NO_RULES: BusinessRules = { intervalMs: 10_000, rules: [], webhooks: [] };

/** Why nothing may be sent to a webhook's address; undefined where it may. */
export type WebhookRefusal = (webhook: WebhookEntry) => string | undefined;

/** @throws PS_BUSINESS_RULES_INVALID with every problem of the file, each with its line */
export function loadBusinessRules(file: NamedText, refusal: WebhookRefusal): BusinessRules {
  const problems: LocatedProblem[] = [];
  const source = parseSource(file.name, file.text, problems);
  const found = source && rulesOf(source, refusal, problems);
  if (!found || problems.length > 0) throw fileInvalid('PS_BUSINESS_RULES_INVALID', problems);
  return found;
}

function rulesOf(
  source: Source,
  refusal: WebhookRefusal,
  problems: LocatedProblem[],
): BusinessRules | undefined {
  const top = reporter(source, [], problems);
  const file = checked(fileEntry, source.data, top);
  if (!file) return undefined;
  if (file.interval < 1000) top(['interval'], '`interval` must be at least `1s`');
  const webhooks = file.webhooks.flatMap((data, i) => {
    const report = reporter(source, ['webhooks', i], problems);
    const entry = checked(webhookEntry, data, report);
    const reason = entry && refusal(entry);
    if (reason) report(['url'], `\`url\` cannot be used: ${reason}`);
    return entry ?? [];
  });
  const hooks = webhooks.map(({ name }) => name);
  const seen = { names: new Map<string, number>(), settings: new Map<string, string>() };
  const rules = file.rules.flatMap((data, i) => {
    const report = reporter(source, ['rules', i], problems);
    const entry = checked(ruleEntry, data, report);
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
      const hint = hooks.length > 0 ? suggest(hook, hooks) : 'the file names none';
      report(['webhooks', j], `there is no webhook \`${hook}\`; ${hint}`);
    }
    return buildRule(entry, report) ?? [];
  });
  return { intervalMs: file.interval, rules, webhooks };
}
