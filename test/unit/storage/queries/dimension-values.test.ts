import { expect, it } from 'vitest';
import { selectValues } from '../../../../src/storage/queries/dimension-values.ts';

const COUNTS = new Map([
  ['/Rooms', 3],
  ['/guests', 7],
  ['/bedrooms', 3],
  ['50%_off', 1],
]);

it.each([
  ['', 10, ['/guests', '/Rooms', '/bedrooms', '50%_off']],
  ['', 2, ['/guests', '/Rooms']],
  ['ROOM', 10, ['/Rooms', '/bedrooms']],
  ['%', 10, ['50%_off']],
  ['5_', 10, []],
  ['"', 10, []],
])('selects values that contain %j, at most %i', (search, limit, expected) => {
  expect(selectValues(COUNTS, search, limit).map(({ value }) => value)).toEqual(expected);
});
