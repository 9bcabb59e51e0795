import { AlertSeverity } from './metric-type.ts';

/** From the mildest to the worst. */
export const SEVERITIES = [
  AlertSeverity.WARNING,
  AlertSeverity.MEDIUM,
  AlertSeverity.HIGH,
  AlertSeverity.CRITICAL,
] as const;

export function rankOf(severity: AlertSeverity): number {
  return SEVERITIES.indexOf(severity);
}

export function isSeverity(text: unknown): text is AlertSeverity {
  return (SEVERITIES as readonly unknown[]).includes(text);
}

/** The worst of them; undefined of none. */
export function worst(severities: readonly AlertSeverity[]): AlertSeverity | undefined {
  return severities.toSorted((a, b) => rankOf(b) - rankOf(a))[0];
}
