import { expect, it } from 'vitest';
import { formatIncident } from '../../../src/cli/incidents-command.ts';

const AT = '2030-01-15T12:00:00.000Z';

it('shows the causes first, then the tenants, the alerts, and the timeline', () => {
  const text = formatIncident({
    incident: {
      ...{
        id: 'i1',
        state: 'open',
        severity: 'critical',
        title: 'calls to pay.example are failing',
      },
      ...{ acknowledged: true, labels: {}, services: ['shop'], hosts: [], queues: [] },
      ...{ organizations: ['anna'], alertCount: 1, startedAt: AT, reopenedCount: 2, link: '/' },
      alerts: [
        {
          ...{ id: 'a1', rule: 'error-rate', state: 'firing', severity: 'critical', labels: {} },
          ...{ summary: 'shop: 12 % of requests are failing', startedAt: AT },
        },
      ],
      causes: [
        {
          ...{ kind: 'failed_calls', subject: 'pay.example', text: 'calls fail', onsetAt: AT },
          ...{ before: 0, now: 100, unit: '%', evidence: 'higher than in all 7 earlier hours' },
        },
      ],
      tenants: [{ organizationId: 'anna', requests: 1234, failed: 12 }],
    },
    timeline: [{ at: AT, kind: 'cause', text: 'calls fail' }],
  });
  const lines = text.split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'calls to pay.example are failing',
    `critical, acknowledged, since ${AT}, reopened 2 times`,
  ]);
  const titles = ['Likely causes', 'Affected tenants', 'Alerts', 'Timeline'];
  expect(lines.filter((line) => titles.includes(line))).toEqual(titles);
  expect(text).toContain('higher than in all 7 earlier hours');
  expect(text).toMatch(/anna +1,234 +12/);
});
