import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Logger } from '../../src/core/log.ts';
import type { TableName } from '../../src/core/schema/table-registry.ts';
import type { Batch } from '../../src/storage/spool/batch.ts';
import { DroppedRowCounter } from '../../src/storage/spool/dropped-rows.ts';
import { parseSegmentName } from '../../src/storage/spool/segment-name.ts';
import { scanRecords } from '../../src/storage/spool/segment-record.ts';
import { Spool } from '../../src/storage/spool/spool.ts';
import type { SpoolOptions } from '../../src/storage/spool/spool-options.ts';
import { splitLines } from './parse-line-protocol.ts';

/** The name of a folder without an owner: it contains no socket. */
export const ORPHAN_NAME = 'spool-1-0123abcd';

/** Returns a batch of rows with consecutive values, so that tests can tell the rows apart. */
export function createBatch(
  firstValue: number,
  rows = 1,
  table: TableName = 'performance_metrics',
): Batch {
  const lines = Array.from(
    { length: rows },
    (_, i) => `${table},name=a value=${firstValue + i} 1000000000000\n`,
  );
  return { table, rows, newestMs: Date.now(), lines: Buffer.from(lines.join('')) };
}

/** Returns the values of the rows that `createBatch` created. */
export function readValues(batches: readonly Batch[]): number[] {
  return batches.flatMap(({ lines }) =>
    [...lines.toString().matchAll(/ value=(\d+) /g)].map((match) => Number(match[1])),
  );
}

/** A spool whose warnings, dropped rows, and dead letters can be read. */
export class TestSpool extends Spool {
  readonly dropped: DroppedRowCounter;
  readonly warnings: string[];
  readonly deadLetters: { table: string; rows: number; reason: string }[];

  constructor(options: Partial<SpoolOptions> & { dir: string }) {
    const dropped = new DroppedRowCounter();
    const warnings: string[] = [];
    const deadLetters: { table: string; rows: number; reason: string }[] = [];
    const warn = (message: string) => void warnings.push(message);
    const log: Logger = { info: () => {}, warn, error: warn };
    super({
      maxBytes: 1_000_000,
      dropped,
      log,
      deadLetters: {
        bytes: 0,
        onAdopted: () => {},
        add: async (table, lines, reason) => {
          const rows = lines.toString().split('\n').length - 1;
          deadLetters.push({ table, rows, reason });
        },
      },
      ...options,
    });
    this.dropped = dropped;
    this.warnings = warnings;
    this.deadLetters = deadLetters;
  }

  /** Reads and removes all waiting batches. Returns their values. */
  async drain(maxBytes = 1_000_000): Promise<number[]> {
    const values: number[] = [];
    for (;;) {
      const reading = await this.read(maxBytes);
      if (!reading) return values;
      values.push(...readValues(reading.batches));
      this.remove(reading);
    }
  }
}

/** Returns the paths of the segments in a spool folder, relative to it. */
export function listSegments(dir: string): string[] {
  return readdirSync(dir, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('.segment'))
    .sort();
}

/** Returns the paths of the segments in a spool folder whose rows are not all stored, relative to it. */
export function listWaitingSegments(dir: string): string[] {
  return listSegments(dir).filter((path) => !path.endsWith('.stored.segment'));
}

/** Returns the lines in all segments of a spool folder, including lines that are already stored. */
export function readSpooledLines(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return listSegments(dir).flatMap((path) => {
    const name = parseSegmentName(basename(path));
    if (!name) return [];
    const { batches } = scanRecords(name.nonce, readFileSync(join(dir, path)), 0, true);
    return batches.flatMap(({ lines }) => splitLines(lines.toString()));
  });
}

/**
 * Copies the segments of a running process to a folder without an owner, as if the process had been
 * killed.
 */
export function copyAsOrphan(from: string, to: string): string {
  const orphan = join(to, ORPHAN_NAME);
  mkdirSync(orphan, { recursive: true, mode: 0o700 });
  for (const path of listSegments(from)) {
    cpSync(join(from, path), join(orphan, path.slice(path.lastIndexOf('/') + 1)));
  }
  return orphan;
}
