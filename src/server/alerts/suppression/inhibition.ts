import { z } from 'zod';
import {
  type AlertSummary,
  getMatchLabels,
  isActive,
  type Labels,
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
  /** Whether an alert can inhibit an alert with a higher severity. */
  worseToo: z.boolean().default(false),
});

/**
 * While an alert matches `source`, alerts that match `target` and have the same values for the
 * `equal` labels aren't sent.
 */
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

/** Returns the inhibition of an alert, or `undefined` if nothing inhibits it. */
export type Inhibitor = (alert: AlertSummary) => Suppression | undefined;

/**
 * Creates a function that finds the alert that inhibits another alert.
 *
 * As in Alertmanager, silenced alerts also inhibit other alerts, and an alert never inhibits
 * itself. Two alerts that both match `source` and `target` don't inhibit each other. An alert never
 * inhibits alerts of another organization.
 */
export function createInhibitor(
  alerts: readonly AlertSummary[],
  rules: readonly InhibitRule[],
): Inhibitor {
  const active = alerts.filter(isActive);
  const labelsById = new Map(active.map((each) => [each.id, getMatchLabels(each)]));
  const getLabels = (each: AlertSummary) => labelsById.get(each.id) ?? getMatchLabels(each);
  // Sources are indexed by their `equal` labels, because an alert storm can contain thousands of
  // alerts.
  const indexedRules = rules.map((rule) => ({
    rule,
    sources: Map.groupBy(
      active.filter((alert) => matchesAll(rule.source, getLabels(alert))),
      (alert) => toEqualLabelsKey(getLabels(alert), rule.equal),
    ),
  }));
  return (alert) => {
    const labels = getLabels(alert);
    for (const { rule, sources } of indexedRules) {
      if (!matchesAll(rule.target, labels)) continue;
      const matchesBoth = matchesAll(rule.source, labels);
      const source = sources
        .get(toEqualLabelsKey(labels, rule.equal))
        ?.filter(
          (other) =>
            other.id !== alert.id && canInhibit(getLabels(other).organization, labels.organization),
        )
        .filter(
          (other) =>
            rule.worseToo || getSeverityRank(other.severity) >= getSeverityRank(alert.severity),
        )
        .find((other) => !(matchesBoth && matchesAll(rule.target, getLabels(other))));
      if (source) {
        const detail = `${rule.name}: ${source.rule} is ${source.severity}`;
        return { reason: 'inhibited', by: source.id, detail, untilMs: undefined };
      }
    }
    return undefined;
  };
}

function canInhibit(source: string | undefined, target: string | undefined): boolean {
  return source === undefined || source === target;
}

/** Returns a key of the `equal` labels. A missing label equals an empty label. */
function toEqualLabelsKey(labels: Labels, equal: readonly string[]): string {
  return JSON.stringify(equal.map((label) => labels[label] ?? ''));
}
