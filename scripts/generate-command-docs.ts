// Generates docs/commands.md from the help texts of the commands.
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { formatUsage } from '../demo/usage.ts';
import { createCli } from '../src/cli/cli.ts';
import { addDoctorCommand } from '../src/cli/doctor-command.ts';
import { createProgram } from '../src/cli/run-program.ts';
import { formatMarkdownTable } from './docs/markdown.ts';

const FILE = 'docs/commands.md';
/** Width of the help texts, in characters. */
const WIDTH = 100;

const INTRODUCTION = `# Commands

Run these commands in the server's folder: the checkout, or the folder in which you installed the release packages. In
[Docker Compose](deploy.md) containers, omit \`npx\`.

- Commands exit with code 0 after success, 1 after a failure, and 2 if an option or argument is invalid.
- Results are written to stdout. Progress and errors are written to stderr.
- With \`--json\`, a command prints JSON for scripts.
- Commands read the same [environment variables](configuration.md) as the server.
- Errors start with a code, such as \`PS_UNAVAILABLE\`. [errors.md](errors.md) explains each code.

<!-- Generated from the help texts by \`npm run commands\`. Don't edit this file. -->
`;

const SCRIPTS = [
  ['Script', 'Action'],
  [
    '`npm start`',
    'Installs missing packages and tools, and starts the server with its own QuestDB.',
  ],
  [
    '`npm run demo -- --fast`',
    'Starts the server together with a hotel booking service under load.',
  ],
  ['`npm test`', 'Runs the CI suite. See [CONTRIBUTING.md](../CONTRIBUTING.md).'],
  [
    '`npm run bench -- NAME`',
    'Runs a [benchmark](benchmarks.md). It accepts `--json` and `--quick`.',
  ],
  ['`npm run typecheck`', 'Checks the TypeScript types.'],
  ['`npm run lint`', 'Checks the code and the types.'],
  ['`npm run build`', 'Compiles the code to `dist`.'],
];

/** Returns the text of docs/commands.md. */
export function formatCommandDocs(): string {
  const agent = createProgram('npx @perfscope/agent', 'Check how a service is measured');
  addDoctorCommand(agent);
  const sections = listCommands(createCli()).map((command) => {
    const name = getFullName(command);
    // This command passes all its options to the demo, so its own help contains none.
    const help = name === 'perfscope demo' ? formatText(formatUsage()) : formatHelp(command);
    return `## ${name}\n\n${help}`;
  });
  const agentHelp = formatHelp(listCommands(agent)[0]!);
  return [
    INTRODUCTION,
    ...sections,
    `## npx @perfscope/agent doctor\n\nRun this command in your service's folder:\n\n${agentHelp}`,
    `## npm scripts\n\nA checkout also has these scripts:\n\n${formatMarkdownTable(SCRIPTS)}\n`,
  ].join('\n');
}

/** Returns all commands and their subcommands, depth first. */
function listCommands(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...listCommands(each)]);
}

function getFullName(command: Command): string {
  return command.parent ? `${getFullName(command.parent)} ${command.name()}` : command.name();
}

/** Returns the help text in a code block. */
function formatHelp(command: Command): string {
  let text = '';
  command.configureOutput({
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return formatText(text.trim().replace('Usage: perfscope', 'Usage: npx perfscope'));
}

function formatText(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\`\n`;
}

if (import.meta.main) writeFileSync(FILE, formatCommandDocs());
