/** Number of rules in the file of the benchmark. */
export const RULE_COUNT = 20;
/** Rules that evaluate every series. The others evaluate the series of one endpoint. */
const WIDE_COUNT = 12;

const AGGREGATES = ['mean', 'max', 'error_ratio', 'rate', 'p95'] as const;
const THRESHOLDS = { mean: 2000, max: 5000, error_ratio: 5, rate: 1_000_000, p95: 2000 } as const;

/** Returns a rules file with 20 rules. 12 of them have a group per series, and 8 have 100 groups. */
export function formatBacktestRules(): string {
  const rules = Array.from({ length: RULE_COUNT }, (_, i) => {
    const aggregate = AGGREGATES[i % AGGREGATES.length]!;
    const groups =
      i < WIDE_COUNT
        ? 'groupBy: [service, endpoint, organization]'
        : `groupBy: [service, organization], filter: { endpoint: /e${i - WIDE_COUNT} }`;
    return `  - name: bench-${i}
    measure: { type: API_RESPONSE_TIME, aggregate: ${aggregate}, ${groups}, window: ${5 + (i % 6)}m }
    thresholds: { warning: ${THRESHOLDS[aggregate]} }
    for: ${i % 3}m
`;
  });
  return `rules:\n${rules.join('')}`;
}
