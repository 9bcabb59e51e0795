/** Flags of Node.js that load a module before the application. */
const PRELOAD_FLAGS = new Set(['--import', '--require', '-r']);

/** Other flags of Node.js whose value can be a separate argument. */
const VALUE_FLAGS = new Set([
  '--loader',
  '--experimental-loader',
  '--conditions',
  '-C',
  '--env-file',
  '--env-file-if-exists',
  '--eval',
  '-e',
  '--print',
  '-p',
  '--title',
]);

/**
 * Returns the modules that a process loads before the application. If some of their names contain
 * `perfscope`, returns only those, because other modules don't start the agent.
 */
export function findPreloads(process: {
  readonly args: readonly string[];
  readonly nodeOptions: string;
}): Set<string> {
  const script = findScript(process.args);
  const flags = process.args.slice(
    1,
    script === undefined ? undefined : process.args.indexOf(script),
  );
  const modules = [...listPreloads(flags), ...listPreloads(parseNodeOptions(process.nodeOptions))];
  const own = modules.filter((name) => name.includes('perfscope'));
  return new Set(own.length > 0 ? own : modules);
}

function listPreloads(flags: readonly string[]): string[] {
  const modules: string[] = [];
  flags.forEach((flag, i) => {
    const [name = '', value] = splitAtEquals(flag);
    const preload = value === undefined ? flags[i + 1] : value;
    if (PRELOAD_FLAGS.has(name) && preload !== undefined) modules.push(preload);
  });
  return modules;
}

function splitAtEquals(flag: string): [string, string | undefined] {
  const at = flag.indexOf('=');
  return at < 0 ? [flag, undefined] : [flag.slice(0, at), flag.slice(at + 1)];
}

/** Returns the script in a command line of Node.js, or undefined if there is none. */
export function findScript(args: readonly string[]): string | undefined {
  for (let i = 1; i < args.length; i++) {
    const arg = args[i] || '';
    if (!arg.startsWith('-')) return arg;
    if (PRELOAD_FLAGS.has(arg) || VALUE_FLAGS.has(arg)) i++;
  }
  return undefined;
}

/** Splits `NODE_OPTIONS` like Node.js does: at spaces, with double quotes and backslashes. */
export function parseNodeOptions(text: string): string[] {
  const options: string[] = [];
  for (const [token] of text.matchAll(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g)) {
    options.push(
      token.replace(/"((?:\\.|[^"\\])*)"/g, (_, quoted) => quoted.replace(/\\(.)/g, '$1')),
    );
  }
  return options;
}
