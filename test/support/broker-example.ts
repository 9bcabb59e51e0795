import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installExample } from './install-example.ts';
import { InstrumentedApp } from './instrumented-app.ts';
import { type LineProtocolRow, parseLine } from './parse-line-protocol.ts';
import { readSpooledLines } from './spool-fixtures.ts';
import { waitFor } from './wait-for.ts';

export interface BrokerExampleOptions {
  /** Address of the server. */
  readonly env: NodeJS.ProcessEnv;
  /** Lines that the consumer prints until it is stopped, in any order. */
  readonly expected: readonly string[];
}

/**
 * Runs the producer and the consumer of an example. No QuestDB is running, so the rows are in the spool.
 *
 * @param name folder in `examples`
 * @returns the rows of both processes
 */
export async function runBrokerExample(
  name: string,
  { env, expected }: BrokerExampleOptions,
): Promise<LineProtocolRow[]> {
  const folder = mkdtempSync(join(tmpdir(), `perfscope-example-${name}-`));
  const cwd = join(folder, name);
  const spool = join(folder, 'spool');
  installExample(name, cwd, { packages: 'test/libraries/queues-2' });
  const start = (script: string) =>
    new InstrumentedApp(script, {
      cwd,
      flags: ['--import', '@perfscope/agent/register'],
      env: {
        PATH: process.env.PATH,
        PERFORMANCE_SPOOL_DIR: spool,
        PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1',
        ...env,
      },
    });
  const consumer = start('consumer.js');
  try {
    await waitFor(async () => consumer.output.includes('waiting for messages'));
    const producer = start('producer.js');
    if ((await producer.exited) !== 0) throw new Error(producer.output);
    await waitFor(async () => expected.every((line) => consumer.output.includes(line)), 60_000);
    await consumer.stop();
    return readSpooledLines(spool).map(parseLine);
  } catch (error) {
    throw new Error(consumer.output, { cause: error });
  } finally {
    consumer.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
