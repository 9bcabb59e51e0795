import { expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { getRunningRange } from '../../../../src/storage/queries/running-processes.ts';

const NOW = Date.parse('2026-11-27T12:00:00Z');
const at = (minutes: number) => NOW + minutes * MINUTE_MS;

it.each([
  ['the last three minutes of a range', [-60, 0], undefined, [-3, 0]],
  ['three report intervals', [-60, 0], 5, [-15, 0]],
  ['three minutes if processes report more often', [-60, 0], 0.1, [-3, 0]],
  ['the end of a range in the past', [-600, -540], undefined, [-543, -540]],
  ['no time before a short range', [-1, 0], undefined, [-1, 0]],
  ['the time before now if the range ends in the future', [-60, 600], undefined, [-3, 600]],
])('includes %s', (_title, [from, to], reportMinutes, [runningFrom, runningTo]) => {
  const range = { fromMs: at(from!), toMs: at(to!) };
  const reportIntervalMs = reportMinutes && reportMinutes * MINUTE_MS;
  expect(getRunningRange({ range, reportIntervalMs }, NOW)).toEqual({
    fromMs: at(runningFrom!),
    toMs: at(runningTo!),
  });
});
