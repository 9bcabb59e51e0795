import { stringify } from 'csv-stringify/sync';

export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/**
 * Formats a table as CSV (RFC 4180) with a header line. Unknown values are empty, and times are ISO
 * 8601. Text that a spreadsheet would run as a formula gets a `'` prefix, because anyone can choose
 * endpoint and tenant names (https://owasp.org/www-community/attacks/CSV_Injection).
 */
export function formatCsv({ columns, rows }: CsvTable): string {
  return stringify(rows as Record<string, unknown>[], {
    columns: [...columns],
    header: true,
    escape_formulas: true,
    record_delimiter: 'windows',
    cast: {
      boolean: (value) => String(value),
      date: (value) => value.toISOString(),
      // Only text needs the prefix: a negative number isn't a formula.
      number: (value) => ({ value: String(value), escape_formulas: false }),
    },
  });
}
