import { readFileSync, readlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { isPm2Script } from './pm2-environment.ts';
import { findPreloads, findScript } from './preload-flags.ts';

/** The parts of a process that show whether it is part of the same application. */
export interface ProcessFacts {
  /** The command line, including the executable. A changed `process.title` replaces it. */
  readonly args: readonly string[];
  /** `NODE_OPTIONS`. */
  readonly nodeOptions: string;
  /** Whether the executable is Node.js. */
  readonly isNode: boolean;
}

/** Limits the search in containers with unusual process trees. */
const MAX_ANCESTORS = 20;

/** Names of programs that start the application in another process. They aren't applications. */
const LAUNCHERS = new Set([
  ...['npm', 'npm-cli', 'npx', 'npx-cli', 'pnpm', 'pnpx', 'yarn', 'yarnpkg', 'corepack'],
  ...['npm-run-all', 'run-s', 'run-p', 'concurrently', 'wireit', 'turbo', 'nx', 'lerna'],
  ...['cross-env', 'dotenv', 'dotenvx', 'env-cmd', 'tsx', 'nodemon', 'ts-node-dev', 'node-dev'],
  ...['nest', 'forever', 'foreman', 'nf', 'pm2'],
]);

// Read when the agent is loaded, before the application can change them.
const ownFacts: ProcessFacts = {
  args: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
  nodeOptions: process.env.NODE_OPTIONS || '',
  isNode: true,
};
const hasIpcChannel = process.channel !== undefined && process.channel !== null;
let cachedResult: boolean | undefined;

/**
 * Returns whether this process is the application itself. Worker threads, cluster workers, child
 * processes of a measured application, and tools such as npm are not. Their messages would repeat the
 * application's messages.
 *
 * Outside of Linux, other processes can't be examined, so every process with an IPC channel counts as
 * a child process, and no other process does.
 */
export function isMainProcess(): boolean {
  cachedResult ??= isMainThread && isApplication(ownFacts, hasIpcChannel, listAncestors());
  return cachedResult;
}

/**
 * See {@link isMainProcess}.
 *
 * @param hasChannel whether the process has an IPC channel to its parent
 * @param ancestors the known ancestors: the parent, then its parent, and so on
 */
export function isApplication(
  own: ProcessFacts,
  hasChannel: boolean,
  ancestors: Iterable<ProcessFacts>,
): boolean {
  // PM2 starts every application with an IPC channel.
  if (isPm2Script(findScript(own.args))) return true;
  if (isLauncher(own)) return false;
  const preloads = findPreloads(own);
  let isParent = true;
  for (const ancestor of ancestors) {
    const isTransparent = isLauncher(ancestor);
    if (isParent && hasChannel && !isTransparent) return false;
    if (!isTransparent && ancestor.isNode && sharesPreload(ancestor, preloads)) return false;
    isParent = false;
  }
  return !(isParent && hasChannel);
}

function sharesPreload(ancestor: ProcessFacts, preloads: ReadonlySet<string>): boolean {
  return [...findPreloads(ancestor)].some((preload) => preloads.has(preload));
}

function isLauncher({ args }: ProcessFacts): boolean {
  const [title = ''] = args;
  // npm sets its title, for example to `npm run start`.
  if (LAUNCHERS.has(title.split(' ')[0] || '')) return true;
  const script = findScript(args);
  if (isPm2Script(script)) return false;
  const flags = args.slice(0, script === undefined ? args.length : args.indexOf(script));
  if (flags.some((flag) => /^--watch(-path)?(=|$)/.test(flag))) return true;
  return script !== undefined && LAUNCHERS.has(getPackageOrFileName(script));
}

/** Returns `tsx` for `node_modules/tsx/dist/cli.mjs`, and `yarn` for `/opt/yarn.js`. */
function getPackageOrFileName(script: string): string {
  const inPackage = /.*[\\/]node_modules[\\/](?!\.)([^\\/]+)/.exec(script);
  if (inPackage) return inPackage[1] || '';
  return script.replace(/^.*[\\/]/, '').replace(/\.[cm]?js$/, '');
}

function* listAncestors(): Generator<ProcessFacts> {
  let pid = process.ppid;
  for (let count = 0; count < MAX_ANCESTORS && pid > 0; count++) {
    let parent: number;
    try {
      // proc(5): the command name in the second field can contain spaces and parentheses.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      return;
    }
    yield readProcessFacts(pid);
    pid = parent;
  }
}

/** Reads what the operating system allows. Processes of other users hide their environment. */
function readProcessFacts(pid: number): ProcessFacts {
  const environment = readList(`/proc/${pid}/environ`);
  const nodeOptions = environment.find((variable) => variable.startsWith('NODE_OPTIONS='));
  return {
    args: readList(`/proc/${pid}/cmdline`),
    nodeOptions: nodeOptions === undefined ? '' : nodeOptions.slice('NODE_OPTIONS='.length),
    isNode: isNodeExecutable(pid),
  };
}

function readList(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

function isNodeExecutable(pid: number): boolean {
  try {
    const file = readlinkSync(`/proc/${pid}/exe`);
    return file === process.execPath || /[\\/](node|nodejs|bun|deno)[^\\/]*$/.test(file);
  } catch {
    return false;
  }
}
