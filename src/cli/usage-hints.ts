import type { Command } from 'commander';
import { VARIABLES } from '../core/config/setting-definitions.ts';

/** Adds hints to the usage errors of all commands: the available subcommands, and environment variables. */
export function addUsageHints(program: Command): void {
  for (const command of program.commands) {
    const names = command.commands.map((each) => each.name());
    if (names.length > 0) addHint(command, (text) => formatAvailableCommands(text, names));
    if (command.name() === 'serve') addHint(command, formatVariableHint);
    addUsageHints(command);
  }
}

function addHint(command: Command, findHint: (text: string) => string | undefined): void {
  const { outputError = (text, write) => write(text) } = command.configureOutput();
  command.configureOutput({
    outputError: (text, write) => {
      const hint = findHint(text);
      outputError(hint === undefined ? text : `${text.trimEnd()}\n(${hint})\n`, write);
    },
  });
}

function formatAvailableCommands(text: string, names: readonly string[]): string | undefined {
  const hasHint = /\n\(/.test(text);
  if (!text.startsWith('error: unknown command') || hasHint) return undefined;
  return `Available: ${names.join(', ')}`;
}

/** Returns the environment variable that has the name of an unknown option: `PORT` for `--port`. */
function formatVariableHint(text: string): string | undefined {
  const option = /^error: unknown option '--([a-z][a-z-]*)/.exec(text)?.[1];
  const name = option?.toUpperCase().replaceAll('-', '_');
  const variable = [name, `PERFORMANCE_${name}`].find(
    (each) => each !== undefined && Object.hasOwn(VARIABLES, each),
  );
  return variable && `Set the environment variable ${variable} instead.`;
}
