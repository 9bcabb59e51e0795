import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { createFastJava } from '../../../scripts/fast-java.ts';
import { ExternalQuestdb } from '../../support/external-questdb.ts';

const questdb = new ExternalQuestdb();
afterAll(() => questdb.remove());

it('starts QuestDB with the class archive, and other programs without it', async () => {
  const folder = await createFastJava();
  vi.stubEnv('PATH', [folder, process.env.PATH].join(delimiter));
  vi.stubEnv('JAVA_HOME', undefined);
  expect(await createFastJava()).toBe(folder);
  await questdb.start();
  expect(await questdb.sql('SELECT 1')).toEqual([[1]]);
  const maps = readFileSync(`/proc/${questdb.pid}/maps`, 'utf8');
  expect(maps).toContain(join(folder, 'questdb.jsa'));
  const { stdout } = spawnSync('java', ['-XX:+PrintFlagsFinal', '-version'], { encoding: 'utf8' });
  expect(stdout).toMatch(/TieredStopAtLevel += 4 /);
});
