/** Other names of options: the names of the REST API. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  '--organization-id': '--organization',
  '--property-id': '--property',
};

/** Names that earlier versions had. They are accepted with a notice. */
const DEPRECATED_NAMES: Readonly<Record<string, string>> = {
  '--out': '--output',
  '--since': '--last',
};

/** Commands that have an option with a name that is deprecated in other commands. */
const OWN_NAMES: Readonly<Record<string, readonly string[]>> = {
  backtest: ['--since'],
  compare: ['--since'],
  noise: ['--since'],
};

/** Commands that pass their arguments to another program. */
const PASS_THROUGH_COMMANDS: ReadonlySet<string | undefined> = new Set(['demo', 'doctor']);

/**
 * Replaces other names of options by the current names.
 *
 * @param argv arguments of the command line, from the name of the command
 * @returns the arguments, and one notice for each deprecated name
 */
export function resolveOptionNames(argv: readonly string[]): {
  readonly argv: string[];
  readonly notices: readonly string[];
} {
  if (PASS_THROUGH_COMMANDS.has(argv[0])) return { argv: [...argv], notices: [] };
  const deprecated = new Set<string>();
  const ownNames = OWN_NAMES[argv[0] ?? ''] ?? [];
  const resolved = argv.map((argument) => {
    const [name = ''] = argument.split('=', 1);
    if (ownNames.includes(name)) return argument;
    if (Object.hasOwn(DEPRECATED_NAMES, name)) deprecated.add(name);
    const current = { ...OTHER_NAMES, ...DEPRECATED_NAMES }[name];
    return current === undefined ? argument : `${current}${argument.slice(name.length)}`;
  });
  const notices = [...deprecated].map(
    (name) => `\`${name}\` is deprecated. Use \`${DEPRECATED_NAMES[name]}\` instead.`,
  );
  return { argv: resolved, notices };
}
