import { checked } from '../../../entries/check.ts';
import { below, type Report } from '../../../entries/problems.ts';
import { factWords } from '../facts/words.ts';
import { type BusinessRule, requestsOf, type Wanted } from '../rule.ts';
import { conditionOf, isSound } from './condition.ts';
import { followEntry, type RuleEntry } from './entry.ts';

/** Makes the rule that `entry` says. @returns undefined after its problems have been reported */
export function buildRule(entry: RuleEntry, report: Report): BusinessRule | undefined {
  let sound = true;
  const wrong: Report = (path, message, on) => {
    sound = false;
    report(path, message, on);
  };
  const when = conditionOf(entry.when, below(wrong, 'when'));
  const until =
    entry.until === undefined ? undefined : conditionOf(entry.until, below(wrong, 'until'));
  const value = wantedOf(entry.value, below(wrong, 'value'));
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
  const ofNobody = requestsOf(rule).find(({ fact }) => !factWords(fact).tenants);
  if (rule.per !== 'all' && ofNobody) {
    wrong(['per'], `\`${ofNobody.fact}\` is of no tenant: the rule must be \`per: all\``);
    return undefined;
  }
  return rule;
}

function wantedOf(data: unknown, report: Report): Wanted | undefined {
  if (typeof data === 'number' && Number.isFinite(data)) return data;
  if (typeof data !== 'object' || data === null) {
    report([], '`value` must be a number, or `{ fact, times, plus }`');
    return undefined;
  }
  const follow = checked(followEntry, data, report);
  return follow && isSound(follow, report) ? follow : undefined;
}

/** What the rule may never set is refused now, not when it is to be set. */
function checkLimits(entry: RuleEntry, report: Report): void {
  const { min, max } = entry.limits;
  const between = `must lie within the limits ${min} and ${max}`;
  const isOut = (value: unknown) => typeof value === 'number' && (value < min || value > max);
  if (min >= max) report(['limits', 'max'], '`max` must be greater than `min`');
  else {
    if (isOut(entry.value)) report(['value'], `\`value\` ${between}, not ${entry.value}`);
    if (isOut(entry.default)) report(['default'], `\`default\` ${between}, not ${entry.default}`);
  }
}
