import { expect, it } from 'vitest';
import { HolidayCalendars, holidaySchema } from '../../../../src/server/anomalies/holidays.ts';
import { loadTestRules } from '../../../support/alert-rule-fixtures.ts';

const CHRISTMAS = Date.UTC(2026, 11, 25, 12);
const OPENING = Date.UTC(2026, 5, 1, 12);

it('reads dates, and dates of some organizations', () => {
  const { holidays } = loadTestRules(`holidays:
  - "12-25"
  - { date: "2026-06-01", name: Opening day, organizations: [anna] }
`);
  expect(holidays).toEqual([
    { date: '12-25', organizations: undefined },
    { date: '2026-06-01', organizations: ['anna'] },
  ]);
  const calendars = new HolidayCalendars('Europe/Vienna');
  expect(calendars.update(holidays)).toBe(true);
  expect(calendars.update([...holidays])).toBe(false);
  expect(calendars.get('anna').isHoliday(OPENING)).toBe(true);
  expect(calendars.get('bert').isHoliday(OPENING)).toBe(false);
  expect(calendars.get().isHoliday(OPENING)).toBe(false);
  for (const name of ['anna', 'bert', undefined]) {
    expect(calendars.get(name).isHoliday(CHRISTMAS)).toBe(true);
  }
  expect(calendars.get('bert')).toBe(calendars.get());
});

it('uses the local date', () => {
  const calendars = new HolidayCalendars('Pacific/Auckland');
  calendars.update([{ date: '2026-12-25', organizations: undefined }]);
  expect(calendars.get().isHoliday(Date.UTC(2026, 11, 24, 12))).toBe(true);
  expect(calendars.get().isHoliday(Date.UTC(2026, 11, 25, 12))).toBe(false);
});

it.each(['2026-02-30', '13-01', 'Christmas', '2026/12/25', 5])('rejects %s', (date) => {
  expect(holidaySchema.safeParse(date).success).toBe(false);
});
