import type { Command } from 'commander';
import { expect, it, vi } from 'vitest';
import { addBackupCommand } from '../../../src/cli/backup-command.ts';
import { addExportCommand } from '../../../src/cli/export-command.ts';
import { createProgram } from '../../../src/cli/run-program.ts';
import { addSpoolCommand } from '../../../src/cli/spool-command.ts';

function createPerfscope(): Command {
  const program = createProgram('perfscope', 'test');
  for (const add of [addBackupCommand, addExportCommand, addSpoolCommand]) add(program);
  return program;
}

function findCommand(names: readonly string[]): Command | undefined {
  return names.reduce<Command | undefined>(
    (parent, name) => parent?.commands.find((command) => command.name() === name),
    createPerfscope(),
  );
}

it.each([
  ['backup', '(<folder> | --release)'],
  ['export', '(<table> | --query <statement>) -o <file>'],
  ['spool retry', '(<ids...> | --all)'],
  ['spool drop', '(<ids...> | --all)'],
])('the help of %s shows which argument can replace which option', (name, usage) => {
  const help = findCommand(name.split(' '))?.helpInformation();
  expect(help).toContain(`Usage: perfscope ${name} [options] ${usage}\n`);
});

it.each([
  [['backup'], "missing required argument 'folder'"],
  [['backup', '/tmp/backup', '--release'], 'specify either a folder or --release'],
  [['export', '-o', 'a.csv'], 'specify either a table or --query'],
])('%j is a usage error', async (args, message) => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await expect(createPerfscope().parseAsync(args, { from: 'user' })).rejects.toThrow(message);
  } finally {
    write.mockRestore();
  }
});
