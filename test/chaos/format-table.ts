import CliTable from 'cli-table3';
import type { ScenarioResult } from './scenario.ts';

const COLUMNS = [
  'Scenario',
  'Failure',
  'Recorded',
  'Stored',
  'Stored twice',
  'Lost',
  'Counted as lost',
  'Recovery',
  'Memory',
  'Result',
];

function toCells(result: ScenarioResult): string[] {
  const { counted, recoveryMs, memoryGrowth, faults, skipped } = result;
  const reasons = Object.entries(counted).map(([reason, rows]) => `${format(rows)} (${reason})`);
  const numbers = [result.recorded, result.stored, result.doubled, result.lost];
  return [
    result.name,
    result.failure,
    ...numbers.map(format),
    reasons.join(', ') || '0',
    recoveryMs === undefined ? '' : `${(recoveryMs / 1000).toFixed(1)} s`,
    `${Math.round(memoryGrowth / 1e6)} MB`,
    skipped ? `skipped: ${skipped}` : faults.join('; ') || 'passed',
  ];
}

function format(value: number): string {
  return value.toLocaleString('en-US');
}

/** Formats the results for a terminal. */
export function formatTable(results: readonly ScenarioResult[]): string {
  const head = COLUMNS.filter((column) => column !== 'Failure');
  const table = new CliTable({ head, style: { head: [], border: [] } });
  for (const result of results) {
    const [name = '', , ...cells] = toCells(result);
    table.push([name, ...cells]);
  }
  return table.toString();
}

/** Formats the results as a Markdown table. */
export function formatMarkdown(results: readonly ScenarioResult[]): string {
  const lines = [COLUMNS, COLUMNS.map(() => '---'), ...results.map(toCells)];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
