import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DAY_MS, parseDuration } from '../../../../src/core/duration.ts';
import { formatDuration } from '../../../../src/core/format.ts';
import { parseTemplate } from '../../../../src/server/alerts/rules/annotation-template.ts';

const DATA = {
  rule: 'r',
  severity: 'high',
  value: 2503.7,
  threshold: 2000,
  labels: { service: 'booking', endpoint: 'GET /rooms' },
};
const LABELS = ['service', 'endpoint', 'queue'];

it.each([
  ['plain', 'plain'],
  ['{{ $labels.endpoint }} of {{$labels.service}}', 'GET /rooms of booking'],
  ['{{ $value }} > {{ $threshold }}', '2,504 > 2,000'],
  ['{{ $value | humanizeDuration }}', '2.5 s'],
  ['{{ $threshold | humanizePercentage | toUpper }}', '2,000 %'],
  ['{{ $value | humanizeBytes }}', '2.45 KiB'],
  ['{{ $severity | toUpper }} {{ $rule }}', 'HIGH r'],
  ['{{ $labels.queue }}', '(none)'],
  ['}} is text', '}} is text'],
])('renders %s', (text, rendered) => {
  const report = (message: string) => expect.unreachable(message);
  expect(parseTemplate(text, LABELS, report)(DATA)).toBe(rendered);
});

it.each([
  [{ service: 'booking', objective: 'o' }, 'booking'],
  [{ service: 'booking', operation: 'POST', endpoint: '/pay' }, 'booking POST /pay'],
  [{ queue: 'mails', queueScope: 'bull' }, 'Queue mails'],
  [{ host: 'web-2' }, 'web-2'],
  [{ organization: 'grand-hotels', property: 'alpine' }, 'alpine'],
  [{ objective: 'o' }, '(none)'],
])('renders the subject of %j', (labels, rendered) => {
  const report = (message: string) => expect.unreachable(message);
  expect(parseTemplate('{{ $subject }}', LABELS, report)({ ...DATA, labels })).toBe(rendered);
});

it.each([
  [99.9925, '99.99 %'],
  [99.987654, '99.98 %'],
  [87.654321, '87.7 %'],
  [0.0123456, '0.0123 %'],
])('renders %s percent with few digits', (value, rendered) => {
  const template = parseTemplate('{{ $value | humanizePercentage }}', LABELS, () => {});
  expect(template({ ...DATA, value })).toBe(rendered);
});

it('renders (none) for a missing value', () => {
  expect(
    parseTemplate('{{ $value | humanize }}', LABELS, () => {})({ ...DATA, value: undefined }),
  ).toBe('(none)');
});

it.each([
  ['{{ $valeu }}', /did you mean `\$value`/],
  ['{{ }}', /is not a variable/],
  ['{{ $labels.endpiont }}', /did you mean `\$labels.endpoint`/],
  ['{{ $labels.constructor }}', /is not a label/],
  ['{{ $value | humanizeDurration }}', /did you mean `humanizeDuration`/],
  ['{{ $labels.service | humanize }}', /not a filter for text/],
  ['{{ $value | toUpper }}', /not a filter for numbers/],
  ['{{ $value', /not closed/],
])('rejects %s', (text, message) => {
  const problems: string[] = [];
  parseTemplate(text, LABELS, (problem) => problems.push(problem));
  expect(problems.join()).toMatch(message);
});

it('inserts label values unchanged', () => {
  fc.assert(
    fc.property(fc.string(), (service) => {
      const template = parseTemplate('<{{ $labels.service }}>', LABELS, () => {});
      expect(template({ ...DATA, labels: { service } })).toBe(`<${service}>`);
    }),
  );
});

it.each([
  ['0', 0],
  ['30s', 30_000],
  ['1h30m', 5_400_000],
  ['1d', DAY_MS],
  ['500ms', 500],
  ['', undefined],
  ['30', undefined],
  ['5m1h', undefined],
  ['-5m', undefined],
  ['1.5h', undefined],
])('parses the duration %s as %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each([
  [350, '350 ms'],
  [1234, '1.23 s'],
  [240_000, '4 min'],
  [3_900_000, '1 h 5 min'],
  [172_800_000, '2 d'],
  [Number.POSITIVE_INFINITY, '∞'],
])('formats %d ms as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
