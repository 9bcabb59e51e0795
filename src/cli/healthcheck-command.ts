import type { Command } from 'commander';
import { createError, errorMessage } from '../core/errors.ts';
import { DEFAULT_PORT } from '../server/startup/listen.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples, parseDuration, parseHttpUrl } from './command-options.ts';

const DEFAULT_TIMEOUT_MS = 5000;

export function addHealthcheckCommand(program: Command): void {
  program
    .command('healthcheck')
    .description('ask a server whether it is ready; a container asks itself with it')
    .argument('[url]', 'what to ask; /readyz of HOST and PORT by default', parseHttpUrl)
    .option('--timeout <time>', 'how long it may take', parseDuration, DEFAULT_TIMEOUT_MS)
    .addHelpText(
      'after',
      `${formatExamples('perfscope healthcheck', 'perfscope healthcheck http://127.0.0.1:4001/healthz')}
Exit codes: 0 it is ready, 1 it is not and stderr says why.`,
    )
    .action(checkReadiness);
}

async function checkReadiness(given: string | undefined, { timeout }: { timeout: number }) {
  const url = given ?? getReadinessUrl();
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout) });
    if (response.ok) return;
    const problem = (await response.json().catch(() => ({}))) as { detail?: unknown };
    throw new Error(`HTTP ${response.status} ${problem.detail ?? ''}`.trim());
  } catch (error) {
    // What fetch throws says why in its cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw createError('PS_NOT_READY', { url, reason: errorMessage(cause) }, error);
  }
}

/** Where a server with these settings is asked from its own machine. */
function getReadinessUrl(): string {
  const { HOST, PORT } = requireStartupConfig().settings;
  const any = { '0.0.0.0': '127.0.0.1', '::': '::1' }[HOST] ?? HOST;
  return `http://${any.includes(':') ? `[${any}]` : any}:${PORT ?? DEFAULT_PORT}/readyz`;
}
