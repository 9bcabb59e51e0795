import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FerretdbServer } from '../support/ferretdb-server.ts';
import {
  countCommands,
  type LibraryProgram,
  runLibraryProgram,
  sumCommands,
} from '../support/library-program.ts';

const mongodb = new FerretdbServer();
beforeAll(() => mongodb.start());
afterAll(() => mongodb.remove());

/** Commands of the program. Its `ping` and the commands of the driver itself are missing. */
const COMMANDS = {
  'insert rooms': 2,
  'insert rooms DuplicateKey': 1,
  'find rooms {city, status}': 3,
  'find rooms {_id}': 2,
  'find rooms {$or {city, status}}': 1,
  'find rooms {city}': 1,
  'getMore rooms': 2,
  'update rooms {_id} {$set {status}}': 2,
  'delete rooms {_id}': 1,
  'findAndModify rooms {_id} {$inc {visits}}': 1,
  'delete rooms {status}': 1,
  'aggregate rooms [$match {city}, $group {_id, rooms}]': 1,
  // The driver counts documents with a pipeline.
  'aggregate rooms [$match {city}, $group {_id, n}]': 1,
  'nosuchcommand CommandNotFound': 1,
  'distinct rooms {status}': 5,
  'CONNECT ECONNREFUSED': 1,
};
const { 'delete rooms {_id}': _, ...OTHER_COMMANDS } = COMMANDS;
/** Version 7 encodes the statements of bulk writes before it creates the command. */
const COMMANDS_7 = {
  ...OTHER_COMMANDS,
  'update rooms {_id} {$set {status}}': 1,
  'update rooms': 1,
  'delete rooms': 1,
};
const MONGOOSE_COMMANDS = {
  'insert rooms': 1,
  'find rooms {city}': 1,
  'update rooms {_id} {$set {status}}': 1,
  'find rooms {city, status}': 3,
  'update rooms {city} {$set {status}}': 1,
  'aggregate rooms [$match {status}, $group {_id, n}]': 1,
};

const MODULES = [
  [22, 'CommonJS'],
  [24, 'ESM'],
  [26, 'CommonJS'],
] as const;

describe.each([
  ['mongodb-4', COMMANDS],
  ['mongodb-6', COMMANDS],
  ['mongodb-7', COMMANDS_7],
])('%s', (folder, expected) => {
  it.concurrent.each(MODULES)(
    'records each command with its duration on Node %s as %s',
    async (node, modules) => {
      const run = await runProgram<{ parallelMs: number }>('mongodb', folder, node, modules);
      expect(countCommands(run.rows, 'mongodb')).toEqual(expected);
      const sums = sumCommands(run.rows, 'mongodb');
      // Two connections run the five operations one after the other.
      const { durationMs = 0 } = sums['distinct rooms {status}'] ?? {};
      expect(durationMs).toBeGreaterThan(0);
      expect(durationMs).toBeLessThan(2 * run.result.parallelMs);
      // The client waits 200 ms for a server.
      expect(sums['CONNECT ECONNREFUSED']?.durationMs).toBeGreaterThan(198);
      const errors = run.rows.filter(({ table }) => table === 'error_logs');
      expect(errors.map(({ columns }) => [columns.endpoint, columns.context])).toEqual([
        ['CONNECT', '{"server":"127.0.0.1:1"}'],
      ]);
      // Each command waits for a connection, and also `ping` and `endSessions`.
      const waits = run.rows.filter(
        ({ table, columns }) =>
          table === 'performance_metrics' && columns.name === 'db.client.connection.wait_time',
      );
      const commandCount = Object.values(expected).reduce((sum, count) => sum + count, 0) - 1;
      const waitCount = waits.reduce((sum, { columns }) => sum + Number(columns.count), 0);
      expect(waitCount).toBeGreaterThan(commandCount);
      expect(waitCount).toBeLessThanOrEqual(commandCount + 3);
    },
  );
});

describe.each(['mongoose-8', 'mongoose-9'])('%s', (folder) => {
  it.concurrent.each(MODULES.slice(1))(
    'is measured through the driver on Node %s as %s',
    async (node, modules) => {
      const { rows } = await runProgram('mongoose', folder, node, modules);
      expect(countCommands(rows, 'mongodb')).toEqual(MONGOOSE_COMMANDS);
    },
  );
});

async function runProgram<T>(
  library: string,
  folder: string,
  node: LibraryProgram['node'],
  modules: LibraryProgram['modules'],
) {
  const run = await runLibraryProgram<T>({
    program: `${library}.cjs`,
    library,
    folder,
    node,
    modules,
    env: {
      MONGODB_URL: mongodb.url,
      DATABASE: `${folder.replaceAll('-', '')}node${node}`,
      CLOSED_PORT: '1',
    },
  });
  // Version 4 of the driver uses a deprecated module of Node.js.
  expect(run.stderr.replaceAll(/^.*(?:punycode|trace-deprecation).*\n/gm, '')).toBe('');
  return run;
}
