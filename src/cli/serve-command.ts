import type { Command } from 'commander';
import { errorMessage } from '../core/perfscope-error.ts';
import { loadAgentPackage } from '../server/agent-package/agent-package-file.ts';
import { preferSmallHeap } from '../server/startup/small-heap.ts';
import { formatServerSteps } from './agent-install-steps.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print, printStatus } from './command-output.ts';
import { continueWithoutOutput } from './output-errors.ts';
import { createServerLog } from './server-log.ts';

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
  continueWithoutOutput();
  const config = requireStartupConfig();
  // Limit the heap before loading the server, because loading it increases the heap by half.
  preferSmallHeap();
  const { startServer } = await import('../server/startup/start-server.ts');
  let isStarting = true;
  const stopRequested = waitForStopSignal(() => isStarting);
  print('Starting QuestDB and the server …');
  const server = await startServer(config, await createServerLog());
  isStarting = false;
  print(`Ready: ${server.url}`);
  print(
    `QuestDB console: ${server.questdbUrl} (user and password in ${server.dataDir}/credentials.json)`,
  );
  if (server.accessNotice) print(server.accessNotice);
  printAgentSteps(server.agentUrl);
  await stopRequested;
  print('Stopping …');
  try {
    await server.close();
  } catch (error) {
    printStatus(errorMessage(error));
    process.exit(1);
  }
  process.exit(0);
}

/**
 * Resolves on the first signal to stop. Further signals are ignored while the server stops, so that
 * it always stops QuestDB and stores its rows.
 *
 * @param isStarting a second signal ends the process at once while this function returns true
 */
function waitForStopSignal(isStarting: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let isRequested = false;
    const request = () => {
      // When the process exits, QuestDB is stopped too.
      if (isRequested && isStarting()) process.exit(1);
      if (isStarting()) print('Stopping after the start. Press Ctrl-C again to stop now.');
      isRequested = true;
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);
  });
}

function printAgentSteps(agentUrl: string | undefined): void {
  try {
    for (const line of formatServerSteps(agentUrl, loadAgentPackage().integrity)) print(line);
  } catch (error) {
    printStatus(errorMessage(error));
  }
}
