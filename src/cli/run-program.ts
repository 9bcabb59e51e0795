import { Command, CommanderError } from 'commander';
import { ApiError } from '../client/api-request.ts';
import { errorMessage, PerfscopeError } from '../core/perfscope-error.ts';
import { VERSION } from '../core/version.ts';
import { handleOutputErrors } from './output-errors.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE_ERROR = 2;

/** Returns a program without commands. Its help and its error messages are the same everywhere. */
export function createProgram(name: string, description: string): Command {
  return (
    new Command(name)
      .description(description)
      .version(VERSION, '-v, --version', 'Show the version')
      // `--version` after a command is an option of the command, such as `deploy --version 1.8.0`.
      .enablePositionalOptions()
      .helpOption('-h, --help', 'Show help')
      .helpCommand('help [command]', 'Show help for a command')
      .showHelpAfterError()
      .showSuggestionAfterError()
      .configureOutput({ outputError: (text, write) => write(hideOptionValues(text)) })
      .exitOverride()
  );
}

/** Removes the value of an unknown option, because a misspelled option can contain a secret. */
function hideOptionValues(text: string): string {
  return text.replace(/(unknown option '-{1,2}[^'=]*)=[^']*'/, "$1'");
}

/** Runs a program. Sets the exit code: 0 for success, 1 for a failure, 2 for invalid usage. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  handleOutputErrors();
  let isDone = false;
  process.once('exit', () => {
    if (isDone || process.exitCode !== undefined) return;
    process.stderr.write('perfscope: The command ended before it was complete.\n');
    process.exitCode = EXIT_FAILURE;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    isDone = true;
  } catch (error) {
    isDone = true;
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE_ERROR;
      return;
    }
    const hasCode = error instanceof PerfscopeError || error instanceof ApiError;
    const code = hasCode && error.code ? ` ${error.code}:` : '';
    process.stderr.write(`perfscope:${code} ${errorMessage(error)}\n`);
    const isUsageError = hasCode && error.code === 'PS_CONFIRMATION_REQUIRED';
    process.exitCode = isUsageError ? EXIT_USAGE_ERROR : EXIT_FAILURE;
  }
}
