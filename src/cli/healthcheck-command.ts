import { type Command, Option } from 'commander';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { DEFAULT_PORT } from '../server/startup/listen.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples, parseHttpUrl, parseTimeLimit } from './command-options.ts';

const DEFAULT_TIMEOUT_MS = 5000;

export function addHealthcheckCommand(program: Command): void {
  program
    .command('healthcheck')
    .description('Check whether a server is ready, for example in a container health check')
    .argument('[url]', 'URL to check; default: /readyz at HOST and PORT', parseHttpUrl)
    .addOption(
      new Option('--timeout <time>', 'Maximum duration of the check')
        .argParser(parseTimeLimit)
        .default(DEFAULT_TIMEOUT_MS, '5s'),
    )
    .addHelpText(
      'after',
      `${formatExamples('perfscope healthcheck', 'perfscope healthcheck http://127.0.0.1:4001/healthz')}
Exit codes: 0 ready, 1 not ready (see stderr).`,
    )
    .action(checkReadiness);
}

async function checkReadiness(urlArgument: string | undefined, { timeout }: { timeout: number }) {
  const url = urlArgument ?? getReadinessUrl();
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout) });
    if (response.ok) return;
    const problem = (await response.json().catch(() => ({}))) as { detail?: unknown };
    throw new Error(`HTTP ${response.status} ${problem.detail ?? ''}`.trimEnd().replace(/\.$/, ''));
  } catch (error) {
    // An error from `fetch` has the actual reason in its cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw createError('PS_NOT_READY', { url, reason: errorMessage(cause) }, error);
  }
}

/** Returns the readiness URL of a local server with the current settings. */
function getReadinessUrl(): string {
  const { HOST, PORT } = requireStartupConfig().settings;
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[HOST] ?? HOST;
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT ?? DEFAULT_PORT}/readyz`;
}
