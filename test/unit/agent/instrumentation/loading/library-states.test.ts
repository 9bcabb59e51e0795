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
const kafka = {
  name: 'kafkajs',
  version: '2.0.0',
  measured: false,
  reason: 'Perfscope does not measure it yet',
  isSupported: false,
};
const pool = { name: 'pg-pool', version: '3.0.0', measured: true, reason: undefined };

it('says that no library is loaded yet, and lists each library when it is loaded', () => {
  const reporter = new LibraryReporter();
  expect(reporter.list([])).toBe(
    'measuring HTTP, host, runtime; no supported library is loaded in this process yet',
  );
  expect(reporter.listChanges([])).toEqual([]);
  expect(reporter.listChanges([pg, pool])).toEqual(['measuring pg 8.1.0']);
  expect(reporter.listChanges([pg, pool])).toEqual([]);
  expect(reporter.listChanges([pg, oldExpress, kafka])).toEqual([
    'express 3.0.0 is not measured: only version 4 is supported',
    'not measured yet: kafkajs',
  ]);
});

it('corrects a library that was only partly loaded', () => {
  const reporter = new LibraryReporter();
  const library = { ...bullmq };
  expect(reporter.list([pg, library])).toBe(
    'measuring HTTP, host, runtime, pg 8.1.0; bullmq 5.0.0 is not measured: it is only partly loaded',
  );
  library.measured = true;
  expect(reporter.listChanges([pg, library])).toEqual(['measuring bullmq 5.0.0']);
});

it('names the driver of an ORM, ES modules that are not measured, and libraries that are not measured yet', () => {
  const orm = { ...pg, name: 'knex', version: '3.1.0', through: 'pg' };
  const module = { ...bullmq, isModule: true };
  expect(new LibraryReporter().list([orm, module, kafka])).toBe(
    'measuring HTTP, host, runtime, knex 3.1.0 (through pg); bullmq 5.0.0 is not measured: its ES modules are not measured; not measured yet: kafkajs',
  );
});
