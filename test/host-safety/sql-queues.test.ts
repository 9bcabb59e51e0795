import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresServer } from '../../demo/database-servers.ts';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';
import { SqsServer } from '../support/sqs-server.ts';

const runner = new HostProgramRunner();
const postgres = new PostgresServer();
const sqs = new SqsServer();
beforeAll(() => Promise.all([postgres.start(), sqs.start()]));
afterAll(() => Promise.all([postgres.remove(), sqs.remove(), runner.remove()]));

const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);

it.concurrent.each([
  ['pg-boss', 'queues-1', 'state', 'code 0'],
  ['pg-boss', 'queues-1', 'exit', 'code 7'],
  ['pg-boss', 'queues-2', 'state', 'code 0'],
  ['pg-boss', 'queues-2', 'rejected', 'code 1'],
  ['pg-boss', 'queues-2', 'killed', 'SIGTERM'],
  ['sqs', 'queues-1', 'state', 'code 0'],
  ['sqs', 'queues-1', 'exit', 'code 7'],
  ['sqs', 'queues-2', 'state', 'code 0'],
  ['sqs', 'queues-2', 'rejected', 'code 1'],
  ['sqs', 'queues-2', 'thrown', 'code 1'],
] as const)(
  'an application with %s (%s) behaves as without the agent: %s',
  async (library, folder, scenario, expected) => {
    const { exit, stdout, stderr } = await runner.expectSameBehavior(
      {
        args: ['sql-queues.cjs', library, scenario, `${process.cwd()}/test/libraries/${folder}`],
        env: {
          DATABASE_URL: postgres.url,
          SQS_ENDPOINT: sqs.url,
          // The libraries warn about old versions of Node.js, and pg about its own functions.
          NODE_NO_WARNINGS: '1',
        },
        ...(scenario === 'killed' && { signals: [['SIGTERM', 'ready']] }),
      },
      variants,
    );
    expect(exit, stderr).toBe(expected);
    expect(stdout).toMatch(library === 'sqs' ? /with attributes/ : /"address":"a"/);
  },
);
