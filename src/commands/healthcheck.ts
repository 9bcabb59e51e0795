import type { Command } from 'commander';
import { coded, reasonOf } from '../errors.ts';
import { USUAL_PORT } from '../listen.ts';
import { duration, examples, httpUrl } from './options.ts';
import { started } from './start.ts';

const TIMEOUT_MS = 5000;

export function addHealthcheck(program: Command): void {
  program
    .command('healthcheck')
    .description('ask a server whether it is ready; a container asks itself with it')
    .argument('[url]', 'what to ask; /readyz of HOST and PORT by default', httpUrl)
    .option('--timeout <time>', 'how long it may take', duration, TIMEOUT_MS)
    .addHelpText(
      'after',
      `${examples('perfscope healthcheck', 'perfscope healthcheck http://127.0.0.1:4001/healthz')}
Exit codes: 0 it is ready, 1 it is not and stderr says why.`,
    )
    .action(check);
}

async function check(given: string | undefined, { timeout }: { timeout: number }) {
  const url = given ?? ownUrl();
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout) });
    if (response.ok) return;
    const problem = (await response.json().catch(() => ({}))) as { detail?: unknown };
    throw new Error(`HTTP ${response.status} ${problem.detail ?? ''}`.trim());
  } catch (error) {
    // What fetch throws says why in its cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw coded('PS_NOT_READY', { url, reason: reasonOf(cause) }, error);
  }
}

/** Where a server with these settings is asked from its own machine. */
function ownUrl(): string {
  const { HOST, PORT } = started().settings;
  const any = { '0.0.0.0': '127.0.0.1', '::': '::1' }[HOST] ?? HOST;
  return `http://${any.includes(':') ? `[${any}]` : any}:${PORT ?? USUAL_PORT}/readyz`;
}
