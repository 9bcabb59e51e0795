import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { countCommands, sumCommands } from '../support/library-program.ts';
import { MariadbServer } from '../support/mariadb-server.ts';
import { runMeasuredProgram } from '../support/measured-program.ts';
import { PrismaClients } from '../support/prisma-clients.ts';

const server = new MariadbServer();
const clients = new PrismaClients('prisma-7', {
  file: 'prisma-mariadb.cjs',
  adapter: ['@prisma/adapter-mariadb', 'PrismaMariaDb'],
});
beforeAll(() =>
  Promise.all([
    server.start(),
    clients.generate({ provider: 'mysql', sourceOptions: [], database: '' }),
  ]),
);
afterAll(async () => {
  clients.remove();
  await server.remove();
});

it.each([
  [22, 'TypeScript'],
  [24, 'TypeScript'],
  [26, 'TypeScript'],
  [26, 'ESM bundle'],
  [26, 'CommonJS bundle'],
] as const)(
  'records the operations of Prisma 7 with MariaDB on Node %s (%s)',
  async (node, variant) => {
    const program =
      variant === 'TypeScript'
        ? clients.writeModule('source')
        : await clients.bundle(variant === 'ESM bundle' ? 'esm' : 'cjs');
    const run = await runMeasuredProgram(program, {
      node: nodeBinary(node),
      env: { DATABASE_URL: server.url },
    });
    expect(run.exit, run.output).toBe(0);
    const { errors, wallMs } = JSON.parse(/^\{"errors.*$/m.exec(run.output)?.[0] ?? '{}') as {
      errors: string[];
      wallMs: number;
    };
    expect(errors).toEqual(['P2002', 'P2039']);
    expect(countCommands(run.rows, 'mysql')).toEqual({
      'CREATE OR REPLACE TABLE Room(id int PRIMARY KEY, city text, status text)': 1,
      'create Room': 1,
      'findMany Room {city}': 2,
      'SELECT id FROM Room WHERE city = ?': 1,
      'SELECT SLEEP(?)': 1,
      'create Room P2002': 1,
      'CONNECT P2039': 1,
    });
    const commands = sumCommands(run.rows, 'mysql');
    expect(commands['SELECT SLEEP(?)']?.durationMs).toBeGreaterThanOrEqual(39.5);
    const totalMs = Object.values(commands).reduce(
      (total, { durationMs }) => total + durationMs,
      0,
    );
    expect(totalMs).toBeLessThanOrEqual(wallMs);
    expect(JSON.stringify(run.rows)).not.toContain('secret');
  },
);
