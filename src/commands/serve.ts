import type { Command } from 'commander';
import { OPEN_NOTICE } from '../access/exposure.ts';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { preferSmallHeap } from '../small-heap.ts';
import { examples } from './options.ts';
import { note, say } from './output.ts';
import { started } from './start.ts';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('start QuestDB and the server')
    .addHelpText('after', examples('perfscope serve', 'PORT=4001 HOST=127.0.0.1 perfscope serve'))
    .action(serve);
}

async function serve(): Promise<void> {
  const from = started();
  // Before the server is loaded, which alone would let the heap grow by half.
  preferSmallHeap();
  const { startServer } = await import('../server.ts');
  say('Starting QuestDB and the server …');
  const server = await startServer(from, await pinoLog());
  say(`Ready: ${server.url}`);
  say(
    `QuestDB console: ${server.questdbUrl} (user and password in ${server.dataDir}/credentials.json)`,
  );
  if (server.open) say(OPEN_NOTICE);
  say('Measure a service: node --import perfscope/register app.js');
  let closing = false;
  const close = () => {
    if (closing) return;
    closing = true;
    say('Stopping …');
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        note(reasonOf(error));
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, close);
}

async function pinoLog(): Promise<Log> {
  const { pino } = await import('pino');
  const logger = pino({ base: undefined }, pino.destination({ fd: 2, sync: true }));
  return {
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
