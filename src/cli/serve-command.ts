import type { Command } from 'commander';
import type { Logger } from '../core/log.ts';
import { errorMessage } from '../core/perfscope-error.ts';
import { loadAgentPackage } from '../server/agent-package/agent-package-file.ts';
import { preferSmallHeap } from '../server/startup/small-heap.ts';
import { formatServerSteps } from './agent-install-steps.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print, printStatus } from './command-output.ts';

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Start QuestDB and the server')
    .addHelpText(
      'after',
      formatExamples('perfscope serve', 'PORT=4001 HOST=127.0.0.1 perfscope serve'),
    )
    .action(runServer);
}

async function runServer(): Promise<void> {
  const config = requireStartupConfig();
  // Limit the heap before loading the server, because loading it increases the heap by half.
  preferSmallHeap();
  const { startServer } = await import('../server/startup/start-server.ts');
  print('Starting QuestDB and the server …');
  const server = await startServer(config, await createPinoLog());
  print(`Ready: ${server.url}`);
  print(
    `QuestDB console: ${server.questdbUrl} (user and password in ${server.dataDir}/credentials.json)`,
  );
  if (server.accessNotice) print(server.accessNotice);
  printAgentSteps(server.agentUrl);
  let isStopping = false;
  const close = () => {
    if (isStopping) return;
    isStopping = true;
    print('Stopping …');
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        printStatus(errorMessage(error));
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, close);
}

function printAgentSteps(agentUrl: string | undefined): void {
  try {
    for (const line of formatServerSteps(agentUrl, loadAgentPackage().integrity)) print(line);
  } catch (error) {
    printStatus(errorMessage(error));
  }
}

async function createPinoLog(): Promise<Logger> {
  const { pino } = await import('pino');
  const logger = pino({ base: undefined }, pino.destination({ fd: 2, sync: true }));
  return {
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
