import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WriterChild } from '../../../bench/write/writer-child.ts';
import { FakeQuestdb } from '../../support/fake-questdb.ts';

/** The benchmarks `write` and `drain` run the application with these commands. */
describe('WriterChild', () => {
  let spoolDir: string;
  let questdb: FakeQuestdb;
  let children: WriterChild[];

  beforeEach(async () => {
    spoolDir = mkdtempSync(join(tmpdir(), 'perfscope-writer-'));
    questdb = new FakeQuestdb();
    children = [];
    await questdb.start();
  });

  afterEach(async () => {
    for (const child of children) await child.kill();
    questdb.stop();
    rmSync(spoolDir, { recursive: true });
  });

  async function startChild(): Promise<WriterChild> {
    const child = await WriterChild.start('.', spoolDir);
    children.push(child);
    return child;
  }

  /** Returns the sorted IDs of the rows that QuestDB has received. */
  function listIds(): (string | undefined)[] {
    return questdb.lines.map((line) => /id="([^"]+)"/.exec(line)?.[1]).toSorted();
  }

  function expectedIds(run: string, rows: number): string[] {
    return Array.from({ length: rows }, (_, i) => `${run}-${i}`).toSorted();
  }

  it('writes rows and measures the process', async () => {
    const child = await startChild();
    const target = { url: questdb.url };
    const result = await child.run({ kind: 'write', target, run: 'a', rows: 2500 });
    expect(listIds()).toEqual(expectedIds('a', 2500));
    for (const value of Object.values(result)) expect(value).toBeGreaterThan(0);
  });

  it.each(['outage', 'restart'])('drains a backlog in the scenario %s', async (scenario) => {
    let child = await startChild();
    await child.run({ kind: 'fill', run: 'b', rows: 1000 });
    expect(questdb.lines).toEqual([]);
    if (scenario === 'restart') {
      await child.run({ kind: 'close' });
      await child.kill();
      child = await startChild();
    }
    await child.run({ kind: 'drain', target: { url: questdb.url } });
    expect(listIds()).toEqual(expectedIds('b', 1000));
  });

  it('reports a process that fails', async () => {
    await expect(WriterChild.start('/nowhere', spoolDir)).rejects.toThrow(
      'the writer of /nowhere exited with code 1',
    );
  });
});
