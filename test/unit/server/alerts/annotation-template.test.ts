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
  ['{{ $value }} > {{ $threshold }}', '2504 > 2000'],
  ['{{ $value | humanizeDuration }}', '2.5 s'],
  ['{{ $threshold | humanizePercentage | toUpper }}', '2000 %'],
  ['{{ $value | humanizeBytes }}', '2.45 KiB'],
  ['{{ $severity | toUpper }} {{ $rule }}', 'HIGH r'],
  ['{{ $labels.queue }}', '(none)'],
  ['}} is text', '}} is text'],
])('renders %s', (text, rendered) => {
  const fail = (message: string) => expect.unreachable(message);
  expect(parseTemplate(text, LABELS, fail)(DATA)).toBe(rendered);
});

it('says so when there is no value', () => {
  expect(
    parseTemplate('{{ $value | humanize }}', LABELS, () => {})({ ...DATA, value: undefined }),
  ).toBe('(none)');
});

it.each([
  ['{{ $valeu }}', /did you mean `\$value`/],
  ['{{ }}', /is no variable/],
  ['{{ $labels.endpiont }}', /did you mean `\$labels.endpoint`/],
  ['{{ $labels.constructor }}', /is no label/],
  ['{{ $value | humanizeDurration }}', /did you mean `humanizeDuration`/],
  ['{{ $labels.service | humanize }}', /no filter of a text/],
  ['{{ $value | toUpper }}', /no filter of a number/],
  ['{{ $value', /never closed/],
])('refuses %s', (text, message) => {
  const failures: string[] = [];
  parseTemplate(text, LABELS, (failure) => failures.push(failure));
  expect(failures.join()).toMatch(message);
});

it('puts what labels hold into the text as it is', () => {
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
])('the duration %s is %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each([
  [350, '350 ms'],
  [1234, '1.23 s'],
  [240_000, '4 min'],
  [3_900_000, '1 h 5 min'],
  [172_800_000, '2 d'],
  [Number.POSITIVE_INFINITY, '∞'],
])('%d ms is shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
