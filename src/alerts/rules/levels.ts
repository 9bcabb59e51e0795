import { below, type Report } from '../../entries/problems.ts';
import { SEVERITIES } from '../../schema/severity.ts';
import type { RuleEntry, TenantEntry, Thresholds } from './entry.ts';
import type { Judgement, Level, TenantOverride } from './rule.ts';

type Direction = RuleEntry['direction'];

/** The rule's own judgement. Thresholds out of order and a recovery beyond them are reported. */
export function judgement(entry: RuleEntry, report: Report): Judgement {
  return {
    enabled: true,
    ...limits(entry.thresholds, entry.recovery, entry.direction, report),
    minimumCount: entry.minimumCount,
  };
}

/** A tenant's thresholds take the place of the rule's, severity by severity. */
export function tenantOverride(
  rule: RuleEntry,
  tenant: TenantEntry,
  report: Report,
): TenantOverride {
  const thresholds = { ...rule.thresholds, ...tenant.thresholds };
  // What the tenant does not change is the rule's own problem.
  const own = tenant.thresholds !== undefined || tenant.recovery !== undefined;
  return {
    organization: tenant.organization,
    property: tenant.property,
    enabled: tenant.enabled,
    ...limits(
      thresholds,
      tenant.recovery ?? rule.recovery,
      rule.direction,
      own ? report : () => {},
    ),
    minimumCount: tenant.minimumCount ?? rule.minimumCount,
  };
}

function limits(
  thresholds: Thresholds,
  recovery: RuleEntry['recovery'],
  direction: Direction,
  report: Report,
): Pick<Judgement, 'levels' | 'recovery'> {
  const levels = SEVERITIES.flatMap((severity) => {
    const threshold = thresholds[severity];
    return threshold === undefined ? [] : [{ severity, threshold }];
  });
  checkOrder(levels, direction, below(report, 'thresholds'));
  return { levels, recovery: recoveryOf(recovery, levels[0], direction, report) };
}

function checkOrder(levels: readonly Level[], direction: Direction, report: Report): void {
  const sign = direction === 'above' ? 1 : -1;
  for (const [i, { severity, threshold }] of levels.entries()) {
    const milder = levels[i - 1];
    if (!milder || sign * threshold > sign * milder.threshold) continue;
    const order = direction === 'above' ? 'greater' : 'less';
    report(
      [severity],
      `\`${severity}\` (${threshold}) must be ${order} than \`${milder.severity}\` (${milder.threshold}): the direction is \`${direction}\``,
    );
  }
}

function recoveryOf(
  recovery: RuleEntry['recovery'],
  first: Level | undefined,
  direction: Direction,
  report: Report,
): number | undefined {
  if (recovery === undefined || first === undefined) return undefined;
  const value =
    typeof recovery === 'number' ? recovery : (Number.parseFloat(recovery) / 100) * first.threshold;
  const beyond = direction === 'above' ? value > first.threshold : value < first.threshold;
  if (beyond) {
    const side = direction === 'above' ? 'at most' : 'at least';
    report(
      ['recovery'],
      `\`recovery\` (${value}) must be ${side} the first threshold (${first.severity}: ${first.threshold})`,
    );
  }
  return value;
}
