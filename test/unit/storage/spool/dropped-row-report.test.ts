import { beforeEach, expect, it } from 'vitest';
import type { Logger } from '../../../../src/core/log.ts';
import {
  reportDroppedAtExit,
  reportDroppedTotal,
} from '../../../../src/storage/spool/dropped-row-report.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import { SpoolReporter } from '../../../../src/storage/spool/spool-reporter.ts';

const PROCESS = `Process ${process.pid} dropped`;
const SPOOL_FULL = 'the spool reached its limit of 1 MB. Check that QuestDB is running';

let lines: string[];
let log: Logger;
/** Logs nothing except totals at exit, like the logger of a child process. */
let mutedLog: Logger;
let dropped: DroppedRowCounter;
beforeEach(() => {
  lines = [];
  const warn = (message: string) => void lines.push(message);
  log = { info: warn, warn, error: warn };
  mutedLog = { info: () => {}, warn: () => {}, error: () => {}, unmuted: log };
  dropped = new DroppedRowCounter();
});

it('logs nothing if no rows were dropped, or if messages have reported all of them', () => {
  reportDroppedAtExit(dropped, log);
  reportDroppedAtExit(dropped, mutedLog);
  const reporter = new SpoolReporter('/spool', dropped, log);
  reporter.reportDropped('spool_full', 5, SPOOL_FULL);
  reporter.reportDamage('/spool/1.segment', 2, 100);
  expect(lines).toHaveLength(2);
  reportDroppedTotal(dropped, log);
  reportDroppedAtExit(dropped, log);
  expect(lines).toHaveLength(2);
});

it('logs the total once after the first message about a reason', () => {
  const reporter = new SpoolReporter('/spool', dropped, log);
  for (let i = 0; i < 30; i++) reporter.reportDropped('spool_full', 1000, SPOOL_FULL);
  expect(lines).toEqual([`Dropped 1000 rows: ${SPOOL_FULL}.`]);
  for (let i = 0; i < 3; i++) reportDroppedTotal(dropped, log);
  reportDroppedAtExit(dropped, log);
  expect(lines.slice(1)).toEqual([`${PROCESS} 30000 rows in total: ${SPOOL_FULL}.`]);
  reporter.reportDropped('spool_full', 1, SPOOL_FULL);
  reportDroppedAtExit(dropped, log);
  expect(lines.slice(2)).toEqual([`${PROCESS} 30001 rows in total: ${SPOOL_FULL}.`]);
});

it('logs one line with all reasons at exit', () => {
  const reporter = new SpoolReporter('/spool', dropped, log);
  dropped.add('spool_full', 3, SPOOL_FULL);
  dropped.add('expired', 1);
  reporter.reportDropped('process_exit', 20, 'the process ended');
  reportDroppedAtExit(dropped, log);
  expect(lines).toEqual([
    `${PROCESS} 24 rows in total: 3 because the spool reached its limit of 1 MB; ` +
      '1 because they are older than the retention period; 20 because the process ended.',
  ]);
});

it('logs the rows of a child process only at exit', () => {
  const reporter = new SpoolReporter('/spool', dropped, mutedLog);
  reporter.reportDropped('spool_full', 5, SPOOL_FULL);
  reportDroppedTotal(dropped, mutedLog);
  expect(lines).toEqual([]);
  reportDroppedAtExit(dropped, mutedLog);
  reportDroppedAtExit(dropped, mutedLog);
  expect(lines).toEqual([`${PROCESS} 5 rows in total: ${SPOOL_FULL}.`]);
});
