import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorTracker, parseThrown } from '../../../../src/agent/error-tracking/error-tracker.ts';
import { parseSentryDsn } from '../../../../src/core/config/variable-parsers.ts';
import {
  computeErrorFingerprint,
  normalizeMessage,
} from '../../../../src/core/errors/error-fingerprint.ts';
import type { AddRows } from '../../../../src/core/schema/table-registry.ts';
import type { AlertRow } from '../../../../src/core/schema/tables/alerts-table.ts';
import type { ErrorLogRow } from '../../../../src/core/schema/tables/error-logs-table.ts';
import {
  toAlertErrorRow,
  withAlertErrorRows,
} from '../../../../src/server/error-tracking/alert-error-row.ts';
import {
  createEnvelopeHeaders,
  formatEnvelope,
} from '../../../../src/server/error-tracking/sentry-forwarder.ts';

const STACK = `Error: no room 7
    at book (/srv/app/src/rooms.js:12:9)
    at async /srv/app/src/api.js:40:3
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)`;

describe('computeErrorFingerprint', () => {
  it.each([
    ['no room 7 for 12', 'no room 8 for 130'],
    ['guest 0a1b2c3d-0a1b-4c2d-8e3f-0a1b2c3d4e5f', 'guest ffffffff-0a1b-4c2d-8e3f-0a1b2c3d4e50'],
    ['mail to ann@a.example', 'mail to bob.lee@b.example'],
    ['key 0xdeadbeef12', 'key 0xabc4567890'],
    ['room 7', 'room 123456789'],
    ['took 1.5 s at 10:00:01', 'took 22.75 s at 11:30:59'],
  ])('ignores numbers, IDs, and addresses in a message: %s', (a, b) => {
    expect(normalizeMessage(a)).toBe(normalizeMessage(b));
    expect(computeErrorFingerprint('Error', a, STACK)).toBe(
      computeErrorFingerprint('Error', b, STACK),
    );
  });

  it('depends on type, message, and function, but not on lines or folders', () => {
    const one = computeErrorFingerprint('Error', 'no room', STACK);
    expect(computeErrorFingerprint('TypeError', 'no room', STACK)).not.toBe(one);
    expect(computeErrorFingerprint('Error', 'no bed', STACK)).not.toBe(one);
    expect(computeErrorFingerprint('Error', 'no room', STACK.replace('book', 'cancel'))).not.toBe(
      one,
    );
    const moved = STACK.replaceAll('/srv/app', '/home/node/shop').replace('12:9', '90:1');
    expect(computeErrorFingerprint('Error', 'no room', moved)).toBe(one);
    expect(normalizeMessage('decade of facade')).toBe('decade of facade');
  });
});

describe('parseThrown', () => {
  it('parses any thrown value', () => {
    expect(parseThrown(new TypeError('broken'))).toMatchObject({ type: 'TypeError' });
    expect(parseThrown('a text')).toEqual({ type: 'string', message: 'a text', stack: undefined });
    expect(parseThrown(undefined)).toMatchObject({ type: 'undefined', message: 'undefined' });
    expect(parseThrown({ password: 'x' }).message).toBe('[object Object]');
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new Error('trap');
      },
    });
    expect(parseThrown(hostile)).toMatchObject({ type: 'unknown' });
  });
});

describe('ErrorTracker', () => {
  const resource = { service: 'shop', instance: 'shop-1' };

  it('counts every occurrence for any order of errors and batches', () => {
    const step = fc.oneof(
      fc.nat({ max: 700 }).map((n) => ({ error: `e${'x'.repeat(n % 30)}${n % 3 ? 'y' : n}` })),
      fc.constant('batch' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const rows: ErrorLogRow[] = [];
        const add: AddRows = (_table, added) => void rows.push(...(added as ErrorLogRow[]));
        const tracker = new ErrorTracker({ resource, add });
        let now = 0;
        for (const each of [...steps, 'batch' as const]) {
          if (each === 'batch') tracker.addCountRows();
          else {
            now += 1;
            const error = { type: 'Error', message: each.error, stack: undefined };
            tracker.track({ kind: 'job', level: 'error', error }, now);
          }
        }
        const occurred = steps.filter((each) => each !== 'batch').length;
        expect(rows.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(occurred);
        expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
        expect(Math.max(0, ...rows.map(({ timestamp }) => timestamp))).toBe(now);
      }),
    );
  });

  it('limits the rows per error and the number of errors', () => {
    const rows: ErrorLogRow[] = [];
    const add: AddRows = (_table, added) => void rows.push(...(added as ErrorLogRow[]));
    const tracker = new ErrorTracker({ resource, add });
    const messages = Array.from({ length: 2000 }, (_, i) =>
      i.toString(2).replaceAll('1', 'b').replaceAll('0', 'a'),
    );
    for (let i = 0; i < 3; i++) {
      for (const message of messages) {
        tracker.track({ kind: 'job', level: 'error', error: { type: 'E', message, stack: '' } }, i);
      }
    }
    tracker.addCountRows();
    expect(rows.length).toBeLessThanOrEqual(1002);
    expect(rows.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(6000);
  });

  it('separates tenants and redacts personal data', () => {
    const rows: ErrorLogRow[] = [];
    const add: AddRows = (_table, added) => void rows.push(...(added as ErrorLogRow[]));
    const tracker = new ErrorTracker({ resource, add });
    const error = {
      type: 'E',
      message: 'no mail for ann@a.example',
      stack: `${STACK} +43664123456`,
    };
    for (const organizationId of ['anna', 'bert', 'anna']) {
      tracker.track({ kind: 'job', level: 'error', error, organizationId }, 1);
    }
    tracker.addCountRows();
    expect(rows.map(({ organizationId, count }) => [organizationId, count])).toEqual([
      ['anna', 1],
      ['bert', 1],
      ['anna', 1],
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/ann@a|43664123456/);
  });
});

describe('toAlertErrorRow', () => {
  const alert: AlertRow = {
    timestamp: 5000,
    id: 'a1',
    seq: 2,
    rule: 'error-rate',
    state: 'firing',
    firedAt: 4000,
    severity: 'critical',
    value: 20,
    threshold: 15,
    cause: 'deploy 7',
    startedAt: 3000,
    labels: '{"endpoint":"/rooms","service":"shop"}',
    service: 'shop',
    organizationId: 'anna',
  };

  it('returns a row with the context and always the same ID', () => {
    const row = toAlertErrorRow(alert);
    expect(row).toMatchObject({
      timestamp: 4000,
      id: 'alert-a1',
      kind: 'alert',
      message: 'error-rate: deploy 7',
      alertId: 'a1',
      endpoint: '/rooms',
      organizationId: 'anna',
      service: 'shop',
    });
    expect(JSON.parse(row!.context!)).toMatchObject({ value: 20, labels: { service: 'shop' } });
    const laterRow = toAlertErrorRow({ ...alert, seq: 3, timestamp: 9000, cause: 'deploy 8' });
    expect([laterRow?.timestamp, laterRow?.id]).toEqual([row?.timestamp, row?.id]);
  });

  it.each([{ severity: 'high' }, { state: 'pending' }, { state: 'resolved' }])(
    'returns undefined for %j',
    (changes) => expect(toAlertErrorRow({ ...alert, ...changes })).toBeUndefined(),
  );

  it('adds a row to `error_logs` when the alert row is added', () => {
    const added: [string, number][] = [];
    const add = withAlertErrorRows((table, rows) => void added.push([table, rows.length]));
    add('alerts', [alert, { ...alert, severity: 'high' }]);
    add('silences', [{ timestamp: 1 }]);
    expect(added).toEqual([
      ['alerts', 2],
      ['error_logs', 1],
      ['silences', 1],
    ]);
  });
});

describe('the Sentry envelope', () => {
  it.each([
    ['https://key@sentry.example/7', 'https://sentry.example/api/7/envelope/'],
    ['http://key:old@localhost:9000/sub/7', 'http://localhost:9000/sub/api/7/envelope/'],
    ['https://sentry.example/7', undefined],
    ['https://key@sentry.example/', undefined],
    ['ftp://key@sentry.example/7', undefined],
  ])('gets its URL from the DSN: %s', (text, url) => {
    expect(parseSentryDsn(text)?.envelopeUrl).toBe(url);
  });

  it('has three lines, a stable event ID, and no user data', () => {
    const row: ErrorLogRow = {
      timestamp: 1500,
      id: 'x-1',
      level: 'fatal',
      kind: 'uncaught',
      errorType: 'TypeError',
      fingerprint: 'f1',
      message: 'no “room”',
      stackTrace: STACK,
      count: 3,
      userId: 'ann',
      service: 'shop',
      serviceVersion: '1.2',
      environment: 'prod',
      organizationId: 'anna',
    };
    const text = formatEnvelope(row, 2000);
    const [header, item, payload, end] = text.split('\n');
    expect(end).toBe('');
    const { event_id, sent_at } = JSON.parse(header!);
    expect(event_id).toMatch(/^[0-9a-f]{32}$/);
    expect(sent_at).toBe('1970-01-01T00:00:02.000Z');
    expect(JSON.parse(item!)).toEqual({
      type: 'event',
      content_type: 'application/json',
      length: Buffer.byteLength(payload!),
    });
    const event = JSON.parse(payload!);
    expect(event).toMatchObject({
      event_id,
      timestamp: 1.5,
      platform: 'node',
      level: 'fatal',
      fingerprint: ['f1'],
      release: '1.2',
      environment: 'prod',
      tags: { organization: 'anna', service: 'shop' },
      exception: {
        values: [{ type: 'TypeError', value: 'no “room”', mechanism: { handled: false } }],
      },
    });
    const { frames } = event.exception.values[0].stacktrace;
    expect(frames.at(-1)).toEqual({
      function: 'book',
      filename: '/srv/app/src/rooms.js',
      lineno: 12,
      colno: 9,
      in_app: true,
    });
    expect(frames[0].in_app).toBe(false);
    expect(text).not.toContain('"ann"');
    expect(formatEnvelope(row, 9000).slice(0, 50)).toBe(text.slice(0, 50));
    const dsn = parseSentryDsn('https://key@sentry.example/7')!;
    expect(createEnvelopeHeaders(dsn)['x-sentry-auth']).toBe(
      'Sentry sentry_version=7, sentry_client=perfscope, sentry_key=key',
    );
  });
});
