/** Number of rules in the file of the benchmark. */
export const RULE_COUNT = 20;

const AGGREGATES = ['mean', 'max', 'error_ratio', 'rate'] as const;
const THRESHOLDS = { mean: 2000, max: 5000, error_ratio: 5, rate: 1_000_000 } as const;

/** Returns a rules file with 20 rules over the same series. 16 of them have a group for each series. */
export function formatBacktestRules(): string {
  const rules = Array.from({ length: RULE_COUNT }, (_, i) => {
    const aggregate = AGGREGATES[i % AGGREGATES.length]!;
    if (i >= RULE_COUNT - 2) return formatRule(i, 'p95', '[service, endpoint]', 2000, '5m');
    if (i >= RULE_COUNT - 4) return formatRule(i, aggregate, '[service]', THRESHOLDS[aggregate], '10m');
    const window = `${1 + (i % 8)}m`;
    return formatRule(i, aggregate, '[service, endpoint]', THRESHOLDS[aggregate], window);
  });
  return `rules:\n${rules.join('')}`;
}

function formatRule(
  index: number,
  aggregate: string,
  groupBy: string,
  threshold: number,
  window: string,
): string {
  return `  - name: bench-${index}
    measure: { type: API_RESPONSE_TIME, aggregate: ${aggregate}, groupBy: ${groupBy}, window: ${window} }
    thresholds: { warning: ${threshold} }
    for: ${index % 3}m
`;
}
