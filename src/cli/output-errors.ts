/** Whether the process continues although nothing can be printed. */
let continuesWithoutOutput = false;

/**
 * Handles errors of stdout and stderr. Call it once, before the first output.
 *
 * If the program that reads stdout has ended, such as `head`, the process exits with 0. After any
 * other error of stdout, such as a full disk, the process exits with 1. Errors of stderr are ignored,
 * because stderr contains only messages.
 */
export function handleOutputErrors(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (continuesWithoutOutput) return;
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`perfscope: The output could not be written: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => {});
}

/**
 * Ignores output errors from now on. Long-running commands use this, because they must stop QuestDB
 * and store rows before they exit. Example: Ctrl-C also ends `tee` in `perfscope serve | tee log`.
 */
export function continueWithoutOutput(): void {
  continuesWithoutOutput = true;
}
