import type { RuleStates } from '../evaluate/rule.ts';
import { type Alert, presentAlert } from '../present.ts';
import type { Labels, Rule } from '../rules/rule.ts';
import type { ExpectedAlert } from './test-file.ts';

/** The alerts of a rule that are going on. */
export function alertsOf(states: RuleStates, rule: Rule): Alert[] {
  return [...states.values()].flatMap(({ alert, value }) =>
    alert ? [presentAlert(alert, rule, value)] : [],
  );
}

/**
 * Holds alerts against what a test expects: each must be expected exactly once, by all that the
 * expectation names.
 *
 * @returns undefined when they agree, else both sides for people
 */
export function difference(
  expected: readonly ExpectedAlert[],
  found: readonly Alert[],
): { expected: string; found: string } | undefined {
  const open = [...found];
  const missing = expected.filter((wanted) => {
    const i = open.findIndex((alert) => fits(wanted, alert));
    if (i >= 0) open.splice(i, 1);
    return i < 0;
  });
  if (missing.length === 0 && open.length === 0) return undefined;
  return { expected: listed(expected), found: listed(found.map(asExpected)) };
}

function fits(wanted: ExpectedAlert, alert: Alert): boolean {
  return (
    (wanted.severity === undefined || wanted.severity === alert.severity) &&
    (wanted.state === undefined || wanted.state === alert.state) &&
    within(wanted.labels, alert.labels) &&
    within(wanted.annotations, alert.annotations)
  );
}

function within(wanted: Labels, found: Labels): boolean {
  return Object.entries(wanted).every(
    ([name, text]) => Object.hasOwn(found, name) && found[name] === text,
  );
}

function asExpected({ labels, severity, state, annotations }: Alert): ExpectedAlert {
  return { labels, severity, state, annotations };
}

function listed(alerts: readonly ExpectedAlert[]): string {
  if (alerts.length === 0) return 'no alert';
  return alerts
    .map(({ severity, state, labels, annotations }) => {
      const words = [severity, state].filter((word) => word !== undefined).join(' ');
      const named = { ...labels, ...annotations };
      const rest = Object.keys(named).length > 0 ? JSON.stringify(named) : '';
      return [words, rest].filter((part) => part !== '').join(' ');
    })
    .join('\n');
}
