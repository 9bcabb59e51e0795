import { expect, it } from 'vitest';
import { LibraryReporter } from '../../../../../src/agent/instrumentation/loading/library-states.ts';

const pg = { name: 'pg', version: '8.1.0', measured: true, reason: undefined };
const bullmq = { name: 'bullmq', version: '5.0.0', measured: false, reason: undefined };
const oldExpress = {
  name: 'express',
  version: '3.0.0',
  measured: false,
  reason: 'only version 4 is supported',
};
const pool = { name: 'pg-pool', version: '3.0.0', measured: true, reason: undefined };

it('says that no library is loaded yet, and lists each library when it is loaded', () => {
  const reporter = new LibraryReporter();
  expect(reporter.list([])).toBe(
    'measuring HTTP, host, runtime; express, pg, and bullmq are not loaded in this process yet',
  );
  expect(reporter.listChanges([])).toBeUndefined();
  expect(reporter.listChanges([pg, pool])).toBe('measuring pg 8.1.0');
  expect(reporter.listChanges([pg, pool])).toBeUndefined();
  expect(reporter.listChanges([pg, oldExpress])).toBe(
    'express 3.0.0 is not measured: only version 4 is supported',
  );
});

it('corrects a library that was only partly loaded', () => {
  const reporter = new LibraryReporter();
  const library = { ...bullmq };
  expect(reporter.list([pg, library])).toBe(
    'measuring HTTP, host, runtime, pg 8.1.0; bullmq 5.0.0 is not measured: it is only partly loaded',
  );
  library.measured = true;
  expect(reporter.listChanges([pg, library])).toBe('measuring bullmq 5.0.0');
});

it('names the driver through which a library is measured', () => {
  const knex = { name: 'knex', version: '3.3.0', measured: true, reason: undefined, through: 'pg' };
  expect(new LibraryReporter().list([pg, knex])).toBe(
    'measuring HTTP, host, runtime, pg 8.1.0, knex 3.3.0 through pg',
  );
});
