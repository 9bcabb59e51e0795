import { z } from 'zod';
import { labelName, name } from '../../entries/fields.ts';
import { allMatch, type Matcher, matchersEntry } from '../../entries/matcher.ts';
import { rankOf } from '../../schema/severity.ts';
import { type Held, isActive, matchable, type QuietAlert } from './held.ts';

export const inhibitEntry = z.strictObject({
  name,
  enabled: z.boolean().default(true),
  source: matchersEntry,
  target: matchersEntry,
  equal: z.array(labelName).default([]),
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

export function inhibitRule(entry: z.output<typeof inhibitEntry>): InhibitRule | undefined {
  return entry.enabled ? entry : undefined;
}

/** Tells what inhibits an alert among those that it was made of. */
export type Inhibits = (alert: QuietAlert) => Held | undefined;

/**
 * Finds what inhibits each alert among `alerts`. As in Alertmanager, silenced alerts inhibit too, an
 * alert never inhibits itself, and one that matches both sides is not inhibited by another such.
 * An alert of one organization never inhibits another's.
 */
export function inhibition(alerts: readonly QuietAlert[], rules: readonly InhibitRule[]): Inhibits {
  const active = alerts.filter(isActive);
  // In a storm there are thousands: each looks only at those that are about the same thing.
  const sourcesOf = rules.map((rule) => ({
    rule,
    sources: Map.groupBy(
      active.filter((alert) => allMatch(rule.source, matchable(alert))),
      (alert) => sameThing(alert, rule.equal),
    ),
  }));
  return (alert) => {
    const labels = matchable(alert);
    for (const { rule, sources } of sourcesOf) {
      if (!allMatch(rule.target, labels)) continue;
      const both = allMatch(rule.source, labels);
      const source = sources
        .get(sameThing(alert, rule.equal))
        ?.filter((other) => other.id !== alert.id && isOwn(other, alert))
        .filter((other) => rule.worseToo || rankOf(other.severity) >= rankOf(alert.severity))
        .find((other) => !(both && allMatch(rule.target, matchable(other))));
      if (source) {
        const detail = `${rule.name}: ${source.rule} is ${source.severity}`;
        return { reason: 'inhibited', by: source.id, detail, untilMs: undefined };
      }
    }
    return undefined;
  };
}

function isOwn(source: QuietAlert, target: QuietAlert): boolean {
  const { organization } = source.labels;
  return organization === undefined || organization === target.labels.organization;
}

/** Labels that neither has are equal. */
function sameThing({ labels }: QuietAlert, equal: readonly string[]): string {
  return JSON.stringify(equal.map((label) => labels[label] ?? ''));
}
