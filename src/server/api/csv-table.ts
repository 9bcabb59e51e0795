import { stringify } from 'csv-stringify/sync';
import { neutralizeFormula } from '../../core/csv-formula.ts';

export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/**
 * Formats a table as CSV (RFC 4180) with a header line. Unknown values are empty, and times are ISO
 * 8601. Text that a spreadsheet would run as a formula gets a `'` prefix.
 */
export function formatCsv({ columns, rows }: CsvTable): string {
  return stringify(rows as Record<string, unknown>[], {
    columns: columns.map((key) => ({ key, header: neutralizeFormula(key) })),
    header: true,
    record_delimiter: 'windows',
    // Otherwise a lone carriage return would begin a new line in some spreadsheets.
    quoted_match: /[\t\r]/,
    cast: {
      boolean: (value) => String(value),
      date: (value) => value.toISOString(),
      string: neutralizeFormula,
    },
  });
}
