import { stringify } from 'csv-stringify/sync';

export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/**
 * A table as RFC 4180 wants it, with a header line. What is not known is an empty cell, a time is
 * ISO 8601. Texts that a spreadsheet would take for a formula get a `'` before them
 * (https://owasp.org/www-community/attacks/CSV_Injection): endpoint and tenant names come from anywhere.
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
      // Numbers keep their sign: only texts are guarded.
      number: (value) => ({ value: String(value), escape_formulas: false }),
    },
  });
}
