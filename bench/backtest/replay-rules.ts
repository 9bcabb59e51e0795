/** Number of rules in the file of the benchmark. */
export const RULE_COUNT = 20;

const AGGREGATES = ['mean', 'max', 'error_ratio', 'rate', 'p95'] as const;
const THRESHOLDS = { mean: 2000, max: 5000, error_ratio: 5, rate: 1_000_000, p95: 2000 } as const;

/**
 * Returns a rules file with 20 rules. Each rule has one group per service for one endpoint, so that together
 * they evaluate every series.
 */
export function formatBacktestRules(): string {
  const rules = Array.from({ length: RULE_COUNT }, (_, i) => {
    const aggregate = AGGREGATES[i % AGGREGATES.length]!;
    const filter = `filter: { endpoint: /e${i} }`;
    return `  - name: bench-${i}
    measure: { type: API_RESPONSE_TIME, aggregate: ${aggregate}, groupBy: [service], ${filter}, window: ${5 + (i % 6)}m }
    thresholds: { warning: ${THRESHOLDS[aggregate]} }
    for: ${i % 3}m
`;
  });
  return `rules:\n${rules.join('')}`;
}
