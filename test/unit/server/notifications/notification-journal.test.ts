import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KeyedQueue } from '../../../../src/server/notifications/delivery/keyed-queue.ts';
import { NotificationJournal } from '../../../../src/server/notifications/delivery/notification-journal.ts';

const LOG = { info: () => {}, warn: () => {}, error: () => {} };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('returns the current values after any sequence of changes and restarts', async () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom('put', 'delete', 'flush', 'reopen'), fc.nat(5), fc.jsonValue()),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      let journal = NotificationJournal.open(folder, LOG);
      const expected = new Map<string, unknown>();
      for (const [key] of [...journal.entries('k')]) journal.delete(key);
      for (const [step, number, value] of sequence) {
        const key = `k:${number}`;
        if (step === 'put') {
          journal.put(key, { value });
          expected.set(key, { value });
        } else if (step === 'delete') {
          journal.delete(key);
          expected.delete(key);
        } else if (step === 'flush') await journal.flush();
        else {
          await journal.close();
          journal = NotificationJournal.open(folder, LOG);
        }
        // Compare as JSON, because JSON turns -0 into 0.
        expect(JSON.stringify([...journal.entries('k')].sort())).toEqual(
          JSON.stringify([...expected].sort()),
        );
      }
      await journal.close();
    }),
    { numRuns: 30 },
  );
});

it('is readable only by its owner, ignores a truncated line, and stays small', async () => {
  const journal = NotificationJournal.open(folder, LOG);
  journal.put('k:kept', { text: 'a' });
  await journal.flush();
  for (let i = 0; i < 3000; i++) journal.put('k:changing', { i });
  await journal.flush();
  journal.put('k:changing', { i: 'last' });
  await journal.flush();
  await journal.close();
  const file = join(folder, 'notify', 'journal');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(10);
  appendFileSync(file, '[{"k":"k:whole","v":{}},{"k":"k:cut","v":{"te');
  const next = NotificationJournal.open(folder, LOG);
  expect([...next.entries('k')]).toEqual([
    ['k:kept', { text: 'a' }],
    ['k:changing', { i: 'last' }],
  ]);
  await next.close();
});

it('skips damaged lines, names the file once, and keeps all other lines', async () => {
  const file = join(folder, 'notify', 'journal');
  mkdirSync(join(folder, 'notify'));
  const lines = ['5', 'null', '[5]', '[{"k":5}]', '[{"k":"colon"}]', '[{"k":"k:a","v":5}]', '[{"k'];
  const kept = ['[{"k":"k:first","v":{}}]', '[{"k":"k:last","v":{}}]'];
  writeFileSync(file, `${[kept[0], ...lines, kept[1]].join('\n')}\n`);
  const warnings: string[] = [];
  const log = { ...LOG, warn: (text: string) => void warnings.push(text) };
  const journal = NotificationJournal.open(folder, log);
  expect(journal.entries('k')).toEqual([
    ['k:first', {}],
    ['k:last', {}],
  ]);
  expect(warnings).toEqual([
    expect.stringContaining(`The file ${file} was damaged: 7 of its lines can't be read`),
  ]);
  await journal.close();
});

it('keeps all complete lines if the file was cut at any byte', async () => {
  const journal = NotificationJournal.open(folder, LOG);
  for (const name of ['a', 'b', 'c']) {
    journal.put(`k:${name}`, { name });
    await journal.flush();
  }
  await journal.close();
  const file = join(folder, 'notify', 'journal');
  const bytes = readFileSync(file);
  for (let length = 0; length < bytes.length; length++) {
    const part = bytes.subarray(0, length);
    writeFileSync(file, part);
    const warn = (text: string) => expect.unreachable(text);
    const cut = NotificationJournal.open(folder, { ...LOG, warn });
    const lineBreaks = part.toString().split('\n').length - 1;
    expect(cut.entries('k').length).toBeGreaterThanOrEqual(lineBreaks);
    await cut.close();
  }
});

it('stops with an error that names the journal if a folder has its name', () => {
  const file = join(folder, 'notify', 'journal');
  mkdirSync(file, { recursive: true });
  expect(() => NotificationJournal.open(folder, LOG)).toThrow(
    expect.objectContaining({
      code: 'PS_STATE_FILE_UNUSABLE',
      message: expect.stringContaining(file),
    }),
  );
});

it('takes over a folder whose owner file is damaged', async () => {
  mkdirSync(join(folder, 'notify'));
  for (const text of ['', '{"pid":', 'null', '{}', '{"pid":0,"started":""}']) {
    writeFileSync(join(folder, 'notify', 'owner'), text);
    const journal = NotificationJournal.open(folder, LOG);
    journal.put('k:a', {});
    await journal.close();
    expect(existsSync(join(folder, 'notify', 'journal'))).toBe(true);
  }
  expect(existsSync(join(folder, 'notify-2'))).toBe(false);
});

it('opens a separate journal for a second server', async () => {
  const first = NotificationJournal.open(folder, LOG);
  const second = NotificationJournal.open(folder, LOG);
  first.put('k:a', { server: 'first' });
  await Promise.all([first.close(), second.close()]);
  const reopened = NotificationJournal.open(folder, LOG);
  expect(reopened.get('k:a')).toEqual({ server: 'first' });
  await reopened.close();
});

it('processes items with the same key in order, and items with different keys concurrently', async () => {
  const items = fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(items, async (all) => {
      const done: string[] = [];
      let active = 0;
      const { promise: allDone, resolve: finish } = Promise.withResolvers<void>();
      const queue = new KeyedQueue<{ key: number; i: number; turns: number }>(async (item) => {
        active += 1;
        expect(active).toBeLessThanOrEqual(4);
        await new Promise((resolve) => setImmediate(resolve));
        active -= 1;
        if (item.turns > 0) return { item: { ...item, turns: item.turns - 1 }, waitMs: 1 };
        done.push(`${item.key} ${item.i}`);
        if (done.length === all.length) finish();
        return undefined;
      });
      for (const [i, [key, turns]] of all.entries()) queue.add(String(key), { key, i, turns });
      await allDone;
      for (let key = 0; key <= 4; key++) {
        const order = done
          .filter((each) => each.startsWith(`${key} `))
          .map((each) => Number(each.slice(2)));
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 30 },
  );
});
