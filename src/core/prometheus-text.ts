type MetricKind = 'counter' | 'gauge';

/** Formats a metric with a single value and no labels. */
export function formatSingleMetric(
  name: string,
  type: MetricKind,
  help: string,
  value: number,
): string {
  return formatMetricFamily(name, type, help, [formatSample(name, {}, value)]);
}

/** Formats a metric family and its samples in the Prometheus text format. */
export function formatMetricFamily(
  name: string,
  type: string,
  help: string,
  lines: readonly string[],
): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** Formats one value with its labels. */
export function formatSample(
  name: string,
  labels: Readonly<Record<string, string>>,
  value: number,
): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label}="${escapeLabelValue(text)}"`,
  );
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
}

function escapeLabelValue(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
