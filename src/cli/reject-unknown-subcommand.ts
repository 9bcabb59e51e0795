import type { Command } from 'commander';
import { findClosestMatch } from '../core/did-you-mean.ts';

/**
 * Exits with a usage error if a word isn't a subcommand. Otherwise, commander passes the word to the default subcommand.
 *
 * @param word the first argument of the default subcommand
 */
export function rejectUnknownSubcommand(command: Command, word: string | undefined): void {
  if (word === undefined) return;
  const names = command.commands.map((each) => each.name());
  const closest = findClosestMatch(word, names);
  const hint =
    closest === undefined ? `Available: ${names.join(', ')}` : `Did you mean ${closest}?`;
  command.error(`error: unknown command '${word}'\n(${hint})`, {
    code: 'commander.unknownCommand',
  });
}
