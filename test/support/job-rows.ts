import type { LineProtocolRow } from './parse-line-protocol.ts';

/** Returns the rows of the jobs of a queue, oldest first, such as `waiting`, `active 1`, and `completed 1`. */
export function listJobRows(
  rows: readonly LineProtocolRow[],
  queue: string,
  jobId?: string,
): string[] {
  return selectJobRows(rows, queue, jobId).map(({ columns }) => {
    const { status, attempts, error_message: error } = columns;
    const attempt = attempts === '0' ? '' : ` ${attempts}`;
    return `${status}${attempt}${error === undefined ? '' : `: ${error}`}`;
  });
}

/** Returns the rows of the jobs of a queue, oldest first. */
export function selectJobRows(
  rows: readonly LineProtocolRow[],
  queue: string,
  jobId?: string,
): LineProtocolRow[] {
  return rows
    .filter(
      ({ table, columns }) =>
        table === 'queue_metrics' &&
        columns.queue_name === queue &&
        (jobId === undefined || columns.job_id === jobId),
    )
    .sort((a, b) => Number(a.columns.seq) - Number(b.columns.seq));
}

/** Returns the last depth of a queue by state. */
export function readDepth(rows: readonly LineProtocolRow[], queue: string): Record<string, number> {
  const depth = rows.filter(
    ({ table, columns }) =>
      table === 'performance_metrics' &&
      columns.name === 'perfscope.queue.depth' &&
      columns.endpoint === queue,
  );
  return Object.fromEntries(
    depth.map(({ columns }) => [columns.operation ?? '', Number(columns.value)]),
  );
}
