import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ErrorTracker } from '../../../../src/agent/error-tracking/error-tracker.ts';
import { toConnectOccurrence } from '../../../../src/agent/error-tracking/to-error-occurrence.ts';
import { computeErrorFingerprint } from '../../../../src/core/errors/error-fingerprint.ts';
import type { AddRows } from '../../../../src/core/schema/table-registry.ts';
import type { ErrorLogRow } from '../../../../src/core/schema/tables/error-logs-table.ts';
import { HOSTILE_FRAGMENTS } from '../../../support/hostile-text.ts';

const FRAMES = `
    at book (/srv/app/src/rooms.js:12:9)
    at async /srv/app/src/api.js:40:3`;

function track(message: string, stack = `Error: ${message}${FRAMES}`): ErrorLogRow {
  const rows: ErrorLogRow[] = [];
  const add: AddRows = (_table, added) => void rows.push(...(added as ErrorLogRow[]));
  const tracker = new ErrorTracker({ resource: { service: 'shop', instance: 'shop-1' }, add });
  tracker.track({ kind: 'request', level: 'error', error: { type: 'Error', message, stack } }, 1);
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

describe('ErrorTracker', () => {
  it('redacts secrets in the message and in the stack', () => {
    const { message, stackTrace } = track('GET https://u:pa55@h/?access_token=abc123 failed');
    expect(message).toBe('GET https://[credentials]@h/?access_token=[secret] failed');
    expect(stackTrace).toBe(`Error: ${message}${FRAMES}`);
  });

  it('keeps the explanation of a Prisma error, without source code and values', () => {
    const message = [
      '',
      'Invalid `prisma.user.create()` invocation in',
      '/srv/app/users.js:12:30',
      '',
      '   9 const pepper = "abc"',
      '→ 12   const user = await prisma.user.create({',
      '         data: {',
      ...Array.from({ length: 400 }, (_, i) => `           value${i}: "hunter${i}",`),
      '         }',
      '       })',
      '',
      'Argument `age`: Got invalid value "many" on prisma.createOneUser.',
    ].join('\n');
    const row = track(message);
    const expected = [
      '',
      'Invalid `prisma.user.create()` invocation in',
      '/srv/app/users.js:12:30',
      '[source]',
      'Argument `age`: Got invalid value [value] on prisma.createOneUser.',
    ].join('\n');
    expect(row.message).toBe(expected);
    expect(row.stackTrace).toBe(`Error: ${expected}${FRAMES}`);
    expect(row.fingerprint).not.toBe(
      track(message, `Error: ${message}\n    at other (/a.js:1:2)`).fingerprint,
    );
  });

  it('groups failed connections by service and server', () => {
    const trackConnects = (service: string) => {
      const rows: ErrorLogRow[] = [];
      const add: AddRows = (_table, added) => void rows.push(...(added as ErrorLogRow[]));
      const tracker = new ErrorTracker({ resource: { service, instance: 'i' }, add });
      for (const port of [6379, 5432, 9042, 6379, 5432, 6379, 6379, 6379]) {
        const server = `127.0.0.1:${port}`;
        const error = Object.assign(new Error(`connect ECONNREFUSED ${server}`), {
          stack: `Error: connect ECONNREFUSED ${server}\n    at afterConnect (node:net:1637:16)`,
        });
        tracker.track(toConnectOccurrence({ error, errorType: 'ECONNREFUSED', server }), 1);
      }
      tracker.addCountRows();
      return rows;
    };
    const rows = [...trackConnects('shop'), ...trackConnects('mail')];
    const groups = Map.groupBy(rows, ({ fingerprint }) => fingerprint);
    const counts = [...groups.values()].map(
      (group) =>
        `${new Set(group.map(({ service, context }) => `${service} ${context}`)).size} group: ` +
        `${group[0]?.service} ${group[0]?.context} ${group.reduce((sum, row) => sum + (row.count ?? 1), 0)}`,
    );
    const expected = ['6379"} 5', '5432"} 2', '9042"} 1'];
    expect(counts).toEqual(
      ['shop', 'mail'].flatMap((service) =>
        expected.map((rest) => `1 group: ${service} {"server":"127.0.0.1:${rest}`),
      ),
    );
  });

  it('keeps the frames after a long message', () => {
    const { message, stackTrace } = track('no room '.repeat(5000));
    expect(message).toHaveLength(1000);
    expect(stackTrace?.endsWith(FRAMES)).toBe(true);
    expect(stackTrace?.length).toBeLessThanOrEqual(4096);
  });

  it('takes linear time for hostile messages', () => {
    // Patterns with quadratic time would take minutes for one of these texts.
    for (const hostile of ['a-', ...HOSTILE_FRAGMENTS]) {
      const message = hostile.repeat(300_000 / hostile.length);
      track(message);
      computeErrorFingerprint('Error', message, `${message}\n    at ${message}`);
    }
  });
});

it('keeps little memory for errors with long messages', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const readHeapBytes = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  let rows: ErrorLogRow[] = [];
  const add: AddRows = (_table, added) => void rows.push(...(added as ErrorLogRow[]));
  const tracker = new ErrorTracker({ resource: { service: 'shop', instance: 'shop-1' }, add });
  const value = 'ü'.repeat(200_000);
  const trackAll = () => {
    for (let i = 0; i < 400; i++) {
      const kind = `No room ${String.fromCharCode(97 + (i % 26), 97 + i / 26)}`;
      // The texts of a real error don't share memory with others.
      const message = Buffer.from(`${kind} ${value}`).toString();
      const stack = Buffer.from(`Error: ${message}${FRAMES}`).toString();
      tracker.track({ kind: 'request', level: 'error', error: { type: 'Error', message, stack } });
    }
  };
  const before = readHeapBytes();
  trackAll();
  trackAll();
  expect(readHeapBytes() - before).toBeLessThan(15_000_000);
  expect(rows).toHaveLength(400);
  const [first] = rows;
  rows = [];
  tracker.addCountRows();
  expect(rows).toHaveLength(400);
  const { message, stackTrace, count } = rows[0]!;
  expect({ message, stackTrace, count }).toEqual({
    message: first?.message,
    stackTrace: first?.stackTrace,
    count: 1,
  });
});
