import { expect, it } from 'vitest';
import { toTableRow } from '../../../src/cli/alerts-command.ts';

it('rounds values, and shows that an alert was already sent', () => {
  const suppression = { reason: 'duplicate', by: 'service=booking', detail: '' };
  const alert = {
    id: 'a1',
    rule: 'error-rate',
    state: 'firing',
    severity: 'high',
    labels: { scope: 'x', service: 'booking' },
    annotations: {},
    value: 9.523809523809524,
    threshold: 99.99904236573968,
    startedAt: '2026-01-01T00:00:00Z',
    changedAt: '2026-01-01T00:00:00Z',
    held: [suppression],
  } as const;
  expect(toTableRow({ ...alert, held: [suppression] })).toEqual([
    'high',
    'firing',
    'error-rate',
    'service=booking',
    '9.52',
    '99.999',
    '2026-01-01T00:00:00Z',
    'already sent',
    'a1',
  ]);
  const silenced = { ...suppression, reason: 'silenced' };
  expect(toTableRow({ ...alert, held: [silenced] })[7]).toBe('silenced');
  expect(toTableRow({ ...alert, value: 99.9925, held: [] })[4]).toBe('99.99');
  const { value: _value, ...missing } = alert;
  expect(toTableRow({ ...missing, held: [] })[4]).toBeUndefined();
});
