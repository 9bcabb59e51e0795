import { z } from 'zod';
import {
  type AlertSummary,
  getMatchLabels,
  isActive,
  type Suppression,
} from '../../../core/alerts/alert.ts';
import { labelNameSchema, nameSchema } from '../../../core/config-files/config-validation.ts';
import { type Matcher, matchersSchema, matchesAll } from '../../../core/config-files/matcher.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';

export const inhibitRuleSchema = z.strictObject({
  name: nameSchema,
  enabled: z.boolean().default(true),
  source: matchersSchema,
  target: matchersSchema,
  equal: z.array(labelNameSchema).default([]),
  /** Whether a worse alert may be inhibited by a milder one. */
  worseToo: z.boolean().default(false),
});

/** While an alert of `source` fires, those of `target` with the same `equal` labels are held. */
export interface InhibitRule {
  readonly name: string;
  readonly source: readonly Matcher[];
  readonly target: readonly Matcher[];
  readonly equal: readonly string[];
  readonly worseToo: boolean;
}

export function toInhibitRule(entry: z.output<typeof inhibitRuleSchema>): InhibitRule | undefined {
  return entry.enabled ? entry : undefined;
}

/** Tells what inhibits an alert among those that it was made of. */
export type Inhibitor = (alert: AlertSummary) => Suppression | undefined;

/**
 * Finds what inhibits each alert among `alerts`. As in Alertmanager, silenced alerts inhibit too, an
 * alert never inhibits itself, and one that matches both sides is not inhibited by another such.
 * An alert of one organization never inhibits another's.
 */
export function createInhibitor(
  alerts: readonly AlertSummary[],
  rules: readonly InhibitRule[],
): Inhibitor {
  const active = alerts.filter(isActive);
  // In a storm there are thousands: each looks only at those that are about the same thing.
  const sourcesOf = rules.map((rule) => ({
    rule,
    sources: Map.groupBy(
      active.filter((alert) => matchesAll(rule.source, getMatchLabels(alert))),
      (alert) => toEqualLabelsKey(alert, rule.equal),
    ),
  }));
  return (alert) => {
    const labels = getMatchLabels(alert);
    for (const { rule, sources } of sourcesOf) {
      if (!matchesAll(rule.target, labels)) continue;
      const both = matchesAll(rule.source, labels);
      const source = sources
        .get(toEqualLabelsKey(alert, rule.equal))
        ?.filter((other) => other.id !== alert.id && canInhibit(other, alert))
        .filter(
          (other) =>
            rule.worseToo || getSeverityRank(other.severity) >= getSeverityRank(alert.severity),
        )
        .find((other) => !(both && matchesAll(rule.target, getMatchLabels(other))));
      if (source) {
        const detail = `${rule.name}: ${source.rule} is ${source.severity}`;
        return { reason: 'inhibited', by: source.id, detail, untilMs: undefined };
      }
    }
    return undefined;
  };
}

function canInhibit(source: AlertSummary, target: AlertSummary): boolean {
  const { organization } = source.labels;
  return organization === undefined || organization === target.labels.organization;
}

/** Labels that neither has are equal. */
function toEqualLabelsKey({ labels }: AlertSummary, equal: readonly string[]): string {
  return JSON.stringify(equal.map((label) => labels[label] ?? ''));
}
