import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { createError, PerfscopeError } from '../../../core/perfscope-error.ts';
import { STOPPED_STATUS } from '../../../core/schema/tables/system-health-table.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { HOSTS_TABLE } from '../../../storage/queries/aggregation-tables.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import { toText } from '../../../storage/queries/row-values.ts';
import { ceilTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient, ScanClient } from '../../../storage/questdb/query-client.ts';
import { fromHostTable, sql } from '../../../storage/sql/sql-builder.ts';
import type { CellReader, FetchedCells } from './cell-reader.ts';
import type { ProcessStop } from './uptime-source.ts';

/** Rows that a read should return. More rows take more memory, and fewer rows more time. */
const TARGET_ROWS = 60_000;
const MAX_CHUNK_MS = 24 * HOUR_MS;
const FIRST_CHUNK_MS = 30 * MINUTE_MS;
/** A chunk is at most this many times as long as the chunk before. */
const MAX_GROWTH = 4;

/** The rows of a part of the range. */
interface Chunk {
  readonly range: TimeRange;
  readonly cells: FetchedCells;
  readonly stops: readonly ProcessStop[];
}

/**
 * Reads a range in chunks. Their length depends on the number of rows. While a chunk is evaluated, QuestDB already
 * reads the next chunk.
 *
 * @param firstMs time of the first evaluation
 * @throws PS_REQUEST_TOO_LARGE if one step has too many rows
 */
export async function* readChunks(
  reader: CellReader,
  client: ScanClient,
  { fromMs, toMs }: TimeRange,
  { firstMs, stepMs }: { readonly firstMs: number; readonly stepMs: number },
): AsyncGenerator<Chunk> {
  const read = (startMs: number, chunkMs: number) => {
    if (startMs >= toMs) return undefined;
    const range = { fromMs: startMs, toMs: Math.min(startMs + chunkMs, toMs) };
    const chunk = readChunk(reader, client, range, { firstMs, stepMs });
    // If the backtest ends early, nothing waits for the chunk.
    chunk.catch(() => {});
    return chunk;
  };
  let next = read(fromMs, ceilTo(FIRST_CHUNK_MS, stepMs));
  while (next) {
    const chunk: Chunk = await next;
    const { range, cells } = chunk;
    const growth = Math.min(MAX_GROWTH, TARGET_ROWS / Math.max(cells.rowCount, 1));
    const lengthMs = ceilTo((range.toMs - range.fromMs) * growth, stepMs);
    next = read(range.toMs, Math.min(MAX_CHUNK_MS, Math.max(stepMs, lengthMs)));
    yield chunk;
  }
}

/** Reads a chunk, or only its start if the chunk has too many rows for one read. */
async function readChunk(
  reader: CellReader,
  client: ScanClient,
  range: TimeRange,
  { firstMs, stepMs }: { readonly firstMs: number; readonly stepMs: number },
): Promise<Chunk> {
  for (let { fromMs, toMs } = range; ; ) {
    try {
      const cells = await reader.fetch({ fromMs, toMs }, firstMs);
      const stops = await loadStops(client, { fromMs, toMs });
      return { range: { fromMs, toMs }, cells, stops };
    } catch (error) {
      if (!(error instanceof PerfscopeError) || error.code !== 'PS_REQUEST_TOO_LARGE') throw error;
      if (toMs - fromMs <= stepMs) throw createError('PS_REQUEST_TOO_LARGE', {}, error);
      toMs = fromMs + ceilTo((toMs - fromMs) / MAX_GROWTH, stepMs);
    }
  }
}

/** Limit on stops per read. */
const MAX_STOPS = 10_000;

/** Loads the normal ends of processes in a range, sorted by time. */
export async function loadStops(
  queryClient: QueryClient,
  { fromMs, toMs }: TimeRange,
): Promise<ProcessStop[]> {
  const rows = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT timestamp, service, service_version, environment, instance, host
      ${fromHostTable('system_health')} AND status = ${STOPPED_STATUS}
      AND timestamp >= ${new Date(fromMs)} AND timestamp < ${new Date(toMs)}
      ORDER BY timestamp LIMIT ${MAX_STOPS}`,
  );
  const columns = Object.entries(HOSTS_TABLE.columns) as [Dimension, string][];
  return rows.map((row) => ({
    atMs: (row.timestamp as Date).getTime(),
    process: Object.fromEntries(columns.map(([name, column]) => [name, toText(row[column])])),
  }));
}
