import { Command, CommanderError } from 'commander';
import { errorMessage, PerfscopeError } from '../core/perfscope-error.ts';
import { VERSION } from '../core/version.ts';
import { handleOutputErrors } from './output-errors.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE_ERROR = 2;

/** Returns a program without commands. Its help and its error messages are the same everywhere. */
export function createProgram(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .version(VERSION, '-v, --version', 'Show the version')
    .helpOption('-h, --help', 'Show help')
    .helpCommand('help [command]', 'Show help for a command')
    .showHelpAfterError()
    .showSuggestionAfterError()
    .exitOverride();
}

/** Runs a program. Sets the exit code: 0 for success, 1 for a failure, 2 for invalid usage. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  handleOutputErrors();
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE_ERROR;
      return;
    }
    const code = error instanceof PerfscopeError ? ` ${error.code}:` : '';
    process.stderr.write(`perfscope:${code} ${errorMessage(error)}\n`);
    process.exitCode = EXIT_FAILURE;
  }
}
