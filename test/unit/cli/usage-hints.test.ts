import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCli } from '../../../src/cli/cli.ts';

// Each run would add listeners to the process.
vi.mock('../../../src/cli/output-errors.ts');
beforeEach(() => void vi.spyOn(process, 'once').mockReturnValue(process));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** Runs a command line that isn't valid. Returns the lines before the help. */
async function getUsageError(line: string): Promise<string> {
  let text = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((part) => {
    text += String(part);
    return true;
  });
  await runCli(line.split(' '));
  expect(process.exitCode).toBe(2);
  return text.split('\n\n')[0] ?? '';
}

it.each([
  ['rules test', 'Available: list, dry-run'],
  ['keys add', 'Available: create, list, revoke'],
  ['keys delete', 'Available: create, list, revoke'],
  ['notify people create', 'Available: list, add, remove'],
  ['alerts foo', 'Available: list, ack, silence, silences, unsilence'],
  ['keys revok x', 'Did you mean revoke?'],
  ['serve --port 4005', 'Set the environment variable PORT instead.'],
  ['serve --host=0.0.0.0', 'Set the environment variable HOST instead.'],
  ['serve --data-dir x', 'Set the environment variable PERFORMANCE_DATA_DIR instead.'],
])('%s: %s', async (line, hint) => {
  expect(await getUsageError(line)).toMatch(new RegExp(`^error: unknown .*\n\\(${hint}`, 'u'));
});

it('has no hint for an option without a variable, and never shows a value', async () => {
  expect(await getUsageError('serve --constructor=psk_secret')).toBe(
    "error: unknown option '--constructor'",
  );
});

it('accepts other names of commands and options', async () => {
  expect(await getUsageError('alerts acknowledge')).toBe(
    "error: required option '--comment <text>' not specified",
  );
  expect(await getUsageError('export --query x --json --out -')).toContain(
    'error: --json needs an output file',
  );
});
