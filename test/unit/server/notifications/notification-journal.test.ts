import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
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

it('finds again what was put, whatever was put and dropped, and however often it was opened', async () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom('put', 'drop', 'flush', 'open'), fc.nat(5), fc.jsonValue()),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      let journal = NotificationJournal.open(folder, LOG);
      const wanted = new Map<string, unknown>();
      for (const [key] of [...journal.entries('k')]) journal.delete(key);
      for (const [step, number, value] of all) {
        const key = `k:${number}`;
        if (step === 'put') {
          journal.put(key, { value });
          wanted.set(key, { value });
        } else if (step === 'drop') {
          journal.delete(key);
          wanted.delete(key);
        } else if (step === 'flush') await journal.flush();
        else {
          await journal.close();
          journal = NotificationJournal.open(folder, LOG);
        }
        // As JSON says it: -0 is 0.
        expect(JSON.stringify([...journal.entries('k')].sort())).toEqual(
          JSON.stringify([...wanted].sort()),
        );
      }
      await journal.close();
    }),
    { numRuns: 30 },
  );
});

it('is for its owner only, survives a line that was cut, and stays small', async () => {
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

it('gives a second server a journal of its own', async () => {
  const one = NotificationJournal.open(folder, LOG);
  const other = NotificationJournal.open(folder, LOG);
  one.put('k:a', { of: 'one' });
  await Promise.all([one.close(), other.close()]);
  const again = NotificationJournal.open(folder, LOG);
  expect(again.get('k:a')).toEqual({ of: 'one' });
  await again.close();
});

it('works on the items of one key in their order, and on others meanwhile', async () => {
  const items = fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(items, async (all) => {
      const done: string[] = [];
      let active = 0;
      let ended = () => {};
      const whole = new Promise<void>((resolve) => {
        ended = resolve;
      });
      const queues = new KeyedQueue<{ key: number; i: number; turns: number }>(async (item) => {
        active += 1;
        expect(active).toBeLessThanOrEqual(4);
        await new Promise((resolve) => setImmediate(resolve));
        active -= 1;
        if (item.turns > 0) return { item: { ...item, turns: item.turns - 1 }, waitMs: 1 };
        done.push(`${item.key} ${item.i}`);
        if (done.length === all.length) ended();
        return undefined;
      });
      for (const [i, [key, turns]] of all.entries()) queues.add(String(key), { key, i, turns });
      await whole;
      for (let key = 0; key <= 4; key++) {
        const own = done
          .filter((each) => each.startsWith(`${key} `))
          .map((each) => Number(each.slice(2)));
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 30 },
  );
});
