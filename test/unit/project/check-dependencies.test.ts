import { expect, it } from 'vitest';
import { formatAudit, formatOutdated } from '../../../scripts/check-dependencies.mjs';

it('lists each outdated package with its current and latest version', () => {
  const outdated = {
    pg: { current: '8.0.0', wanted: '8.1.0', latest: '9.0.0' },
    zod: { wanted: '4.0.0', latest: '4.0.0' },
  };
  expect(formatOutdated(outdated)).toEqual([
    'outdated: pg 8.0.0, latest 9.0.0',
    'outdated: zod missing, latest 4.0.0',
  ]);
});

it('fails only on high and critical vulnerabilities', () => {
  const found = (severity: string) => ({ vulnerabilities: { pg: { severity, range: '<8.1' } } });
  expect(formatAudit(found('moderate'))).toEqual({
    lines: ['vulnerable (moderate): pg <8.1'],
    failed: false,
  });
  expect(formatAudit(found('high')).failed).toBe(true);
  expect(formatAudit({})).toEqual({ lines: [], failed: false });
});
