import type { ToldAlert } from '../../channel.ts';
import { plain } from '../../text/plain.ts';

export type Labels = Readonly<Record<string, string>>;

const MOST_VALUE = 1000;

/**
 * What identifies an alert in Prometheus' form: names of letters, digits and `_`, no empty values.
 * The same alert has the same labels whichever server sends it.
 */
export function labelsOf(alert: ToldAlert): Labels {
  const labels = new Map<string, string>();
  const own: [string, string | undefined][] = [
    ['alertname', alert.rule],
    ['severity', alert.severity],
    ['organization', alert.organizationId],
    ['property', alert.propertyId],
  ];
  for (const [name, value] of own) {
    const shown = plain(value ?? '', MOST_VALUE);
    if (shown !== '') labels.set(name, shown);
  }
  const ours = new Set(labels.keys());
  for (const name of Object.keys(alert.labels).sort()) {
    const shown = plain(alert.labels[name]!, MOST_VALUE);
    if (shown !== '' && !ours.has(name)) labels.set(free(labels, labelName(name)), shown);
  }
  return Object.fromEntries(labels);
}

/** Prometheus' label names (https://prometheus.io/docs/concepts/data_model/). */
function labelName(name: string): string {
  const clean = name.slice(0, 100).replace(/[^a-zA-Z0-9_]/g, '_');
  // Two underscores at the beginning are Prometheus' own.
  return /^[a-zA-Z]|^_(?!_)/.test(clean) ? clean : `label_${clean}`;
}

/** Two names may become one. */
function free(labels: ReadonlyMap<string, string>, name: string): string {
  let candidate = name;
  for (let i = 2; labels.has(candidate); i++) candidate = `${name}_${i}`;
  return candidate;
}
