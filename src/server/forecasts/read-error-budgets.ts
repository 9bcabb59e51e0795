import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { toNumber, toText } from '../../storage/queries/row-values.ts';
import { fromTable, sql } from '../../storage/sql/sql-builder.ts';
import { createSubject, type SubjectReader } from './read-subjects.ts';

/**
 * Reads the used part of all error budgets, in percent. The server writes the remaining part at least once per hour to
 * the table `objectives`.
 */
export const ERROR_BUDGET_READER: SubjectReader = {
  kind: 'errorBudget',
  name: 'error budget',
  // The latest value of the interval is the last that is added.
  combine: (_, latest) => latest,
  async read(client, range, _stepMs, add) {
    const rows = await client.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT timestamp_floor('1h', timestamp) AS bucket, objective, labels,
        last(budget_remaining) AS remaining ${fromTable('objectives')}
        AND timestamp >= ${new Date(range.fromMs)} AND timestamp < ${new Date(range.toMs)}
        AND budget_remaining IS NOT NULL
        GROUP BY bucket, objective, labels ORDER BY bucket LIMIT 300000`,
    );
    for (const row of rows) {
      const remaining = toNumber(row.remaining);
      const objective = toText(row.objective);
      if (remaining === undefined || objective === undefined) continue;
      const labels: Record<string, string> = { ...parseLabels(toText(row.labels)), objective };
      // Tenants can read the name, but not the names of hosts.
      const { service, organization, property, endpoint, queue } = labels;
      const parts = [organization, property, service, endpoint, queue];
      const of = parts.filter((part) => part !== undefined).join(' ');
      const name = `Error budget of ${objective}${of === '' ? '' : ` (${of})`}`;
      add({
        subject: createSubject('errorBudget', labels, name, '%'),
        atMs: (row.bucket as Date).getTime(),
        value: 100 - remaining,
      });
    }
  },
};

function parseLabels(text: string | undefined): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(text ?? '{}');
    return parsed !== null && typeof parsed === 'object' ? (parsed as Record<string, string>) : {};
  } catch {
    return {};
  }
}
