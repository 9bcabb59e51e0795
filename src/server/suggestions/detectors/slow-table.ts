import { formatDuration, formatPercent } from '../../../core/format.ts';
import type { SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion, toLink } from '../suggestion.ts';
import {
  type Detector,
  getMean,
  getSeconds,
  indexStatements,
  parseFingerprint,
  sumDatabaseTime,
  toShare,
} from './detector.ts';

/** Two slow statements can have separate causes. Three on one table usually have a common cause. */
const MIN_STATEMENTS = 3;
const MIN_EXECUTIONS = 10;
const MIN_MEAN_MS = 50;
const MIN_SHARE = 20;
const MAX_LISTED = 5;
/** Other names are not shown in SQL, because a fingerprint can contain any text. */
const PLAIN_NAME = /^[A-Za-z_][\w.]*$/;

export const slowTableDetector: Detector = {
  kind: 'slow-table',
  title: 'Tables with many slow statements',
  looksFor:
    'Tables whose statements are slow for a common reason, such as bloat or old statistics.',
  minimum:
    'Three slow statements with 10 executions and a mean of 50 ms each, and together 20 % of the database time of the service. Fewer statements can have separate causes.',
  nextStep: 'Check the size, the dead rows, and the indexes of the table.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  const databaseTime = sumDatabaseTime(facts);
  const slow = [...indexStatements(facts).values()].filter(
    (fact) => fact.count >= MIN_EXECUTIONS && getMean(fact) >= MIN_MEAN_MS,
  );
  const byTable = Map.groupBy(slow, ({ service, endpoint }) => {
    const table = endpoint === undefined ? undefined : parseFingerprint(endpoint).table;
    return table === undefined ? '' : JSON.stringify([service, table]);
  });
  return [...byTable].flatMap(([key, statements]) => {
    if (key === '' || statements.length < MIN_STATEMENTS) return [];
    const [service, table] = JSON.parse(key) as [string, string];
    const total = statements.reduce((sum, each) => sum + each.total, 0);
    const share = toShare(total, databaseTime.get(service) ?? 0) ?? 0;
    return share < MIN_SHARE ? [] : [toSuggestion(facts, service, table, statements, total, share)];
  });
}

function toSuggestion(
  facts: SuggestionFacts,
  service: string,
  table: string,
  statements: readonly SeriesFact[],
  total: number,
  share: number,
): Suggestion {
  const count = statements.reduce((sum, each) => sum + each.count, 0);
  const slowest = statements.toSorted((a, b) => b.total - a.total).slice(0, MAX_LISTED);
  return createSuggestion({
    ...{ kind: 'slow-table', key: [service, table], service, table, range: facts.range },
    title: `Table ${table} has ${statements.length} slow statements`,
    firstMs: Math.min(...statements.map(({ firstMs }) => firstMs)),
    lastMs: Math.max(...statements.map(({ lastMs }) => lastMs)),
    evidence: [
      { label: 'Slow statements', value: statements.length, unit: '1' },
      { label: 'Executions', value: count, unit: '1' },
      { label: 'Mean duration', value: total / count, unit: 'ms' },
      { label: 'Share of the database time of the service', value: share, unit: '%' },
    ],
    gain: {
      text: `At most ${formatDuration(total / count)} per execution, ${formatPercent(share)} of the database time of the service.`,
      method: 'Total time of the slow statements on the table. The gain depends on the cause.',
      ms: total / count,
      share,
    },
    nextStep: {
      text: 'Check whether the table has dead rows, old statistics, or no suitable index. Then update its statistics, or archive old rows.',
      code: PLAIN_NAME.test(table)
        ? `SELECT n_live_tup, n_dead_tup, last_autovacuum, seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = '${table.split('.').at(-1)}';\nVACUUM (ANALYZE) ${table};`
        : undefined,
    },
    confidence: 'medium',
    savedMsPerSecond: total / getSeconds(facts.range) / 2,
    links: slowest.map(({ endpoint }) =>
      toLink(endpoint ?? '', '/statement', { service, statement: endpoint }),
    ),
  });
}
