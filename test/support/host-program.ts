import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { expect } from 'vitest';
import { FakeQuestdb, type FakeQuestdbBehavior } from './fake-questdb.ts';
import { readSpooledLines } from './spool-fixtures.ts';

const PROGRAMS = resolve('test/host-safety/programs');
const AGENT = resolve('dist/agent-package/register.js');
/** Loaded instead of the agent, because any `--import` flag changes the stacks that Node.js prints. */
const NO_AGENT = join(PROGRAMS, 'empty.cjs');
/** Every program ends in less than 3 s. On a busy machine, it can take several times as long. */
const TIME_LIMIT_MS = 120_000;
const runConcurrently = pLimit(6);

/** A program that is run with and without the agent. */
export interface HostProgram {
  /** Name of a file in `programs` and its arguments, or options such as `-e` and their values. */
  readonly args: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Default: the standard input is empty. */
  readonly stdin?: string;
  /** Sends each signal once after the program has printed the text `after`, in this order. */
  readonly signals?: readonly (readonly [signal: NodeJS.Signals, after: string])[];
  /** Shell command that runs the program as `exec "$@"`, with other limits or streams. */
  readonly shell?: string;
  /** Closes the reader of the standard error before the program starts. */
  readonly hasBrokenStderr?: boolean;
  /** Loads the agent with `NODE_OPTIONS`, so child processes have it too. */
  readonly usesNodeOptions?: boolean;
  /** Whether the agent loses rows and logs a warning. */
  readonly losesRows?: boolean;
  readonly uid?: number | undefined;
  readonly cwd?: string;
  /** Files in `programs` that are loaded without and with Perfscope. Default: no module, and the agent. */
  readonly modules?: readonly [plain: string, measured: string];
}

/** The flag that loads the agent, and the server at the address of QuestDB. */
export interface AgentVariant {
  readonly flag: '--import' | '--require';
  readonly questdb: 'refuses' | 'missing' | FakeQuestdbBehavior;
}

export interface HostProgramRun {
  /** For example `code 0` or `SIGTERM`. */
  exit: string;
  stdout: string;
  stderr: string;
  /** Spool folder of this run. */
  spool: string;
}

/** Each kind of QuestDB with `--import` and with `--require`. */
const ALL_VARIANTS: readonly AgentVariant[] = (['--import', '--require'] as const).flatMap((flag) =>
  (['refuses', 'hangs', 'missing', 'stores'] as const).map((questdb) => ({ flag, questdb })),
);

/** The version that developers use tests most variants. CI tests `--require` on the older versions. */
const isNewestVersion = Number.parseInt(process.versions.node, 10) >= 26;

/** Variants for programs that depend on the flag or on the kind of QuestDB. */
export const CORE_VARIANTS = ALL_VARIANTS.filter(
  ({ flag }) => isNewestVersion || flag === '--require',
);

const DEFAULT_VARIANTS = ALL_VARIANTS.filter(({ flag, questdb }) =>
  isNewestVersion
    ? flag === '--import' && questdb !== 'missing'
    : flag === '--require' && (questdb === 'refuses' || questdb === 'hangs'),
);

/** Runs programs with and without the agent. */
export class HostProgramRunner {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-host-'));
  readonly #servers = new Map<FakeQuestdbBehavior, Promise<FakeQuestdb>>();
  #runs = 0;

  constructor() {
    // Another user must be able to use the folder.
    chmodSync(this.folder, 0o755);
  }

  async remove(): Promise<void> {
    for (const started of this.#servers.values()) (await started).stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Runs the program without the agent and in each variant, and compares exit code, signal, and output.
   *
   * @returns the run without the agent
   */
  async expectSameBehavior(
    program: HostProgram,
    variants: readonly AgentVariant[] = DEFAULT_VARIANTS,
  ): Promise<HostProgramRun> {
    const flags = [...new Set(variants.map(({ flag }) => flag))];
    const [plainModule] = getModules(program);
    const plainRuns = await Promise.all(flags.map((flag) => this.run(program, flag, plainModule)));
    const runs = await Promise.all(variants.map((variant) => this.runWithAgent(program, variant)));
    const expected = (variant: AgentVariant) =>
      formatRun(plainRuns[flags.indexOf(variant.flag)]!, program);
    const different = variants.filter(
      (variant, i) => formatRun(runs[i]!, program) !== expected(variant),
    );
    for (const variant of different) {
      const names = different.map(({ flag, questdb }) => `${flag} (QuestDB: ${questdb})`);
      const run = runs[variants.indexOf(variant)]!;
      expect(formatRun(run, program), `differs with ${names.join(', ')}`).toBe(expected(variant));
    }
    return plainRuns[0]!;
  }

  async runWithAgent(program: HostProgram, { flag, questdb }: AgentVariant) {
    const [, module] = getModules(program);
    return this.run(program, flag, module, await this.#findTarget(questdb));
  }

  /** Runs the program once. Default: without the agent. */
  run(
    program: HostProgram,
    flag: AgentVariant['flag'],
    module: string = NO_AGENT,
    env: NodeJS.ProcessEnv = {},
  ): Promise<HostProgramRun> {
    return runConcurrently(() => this.#spawn(program, [flag, module], env));
  }

  async #spawn(program: HostProgram, load: string[], env: NodeJS.ProcessEnv) {
    const folder = join(this.folder, String(++this.#runs));
    mkdirSync(folder);
    const spool = join(folder, 'spool');
    const command = [process.execPath, ...getArguments(program, load)];
    if (program.shell) command.unshift('sh', '-c', program.shell, 'sh');
    const [stdin, stdout] = [program.stdin === undefined ? 'ignore' : 'pipe', 'pipe'] as const;
    const child = spawn(command[0]!, command.slice(1), {
      cwd: program.cwd ?? folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        XDG_RUNTIME_DIR: folder,
        PERFORMANCE_SPOOL_DIR: spool,
        ...env,
        ...(program.usesNodeOptions && { NODE_OPTIONS: load.join(' ') }),
        ...program.env,
      },
      ...(program.uid !== undefined && { uid: program.uid }),
      stdio: [stdin, stdout, 'pipe'] satisfies StdioOptions,
      // Creates a process group, so that a program that hangs is killed with its children.
      detached: true,
    });
    if (program.stdin !== undefined) child.stdin?.end(program.stdin);
    if (program.hasBrokenStderr) child.stderr?.destroy();
    const run: HostProgramRun = { exit: '', stdout: '', stderr: '', spool };
    const signals = [...(program.signals ?? [])];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      run.stdout += text;
      while (signals[0] && run.stdout.includes(signals[0][1])) child.kill(signals.shift()![0]);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      run.stderr += text;
    });
    let isTooSlow = false;
    const timer = setTimeout(() => {
      isTooSlow = true;
      killGroup(child);
    }, TIME_LIMIT_MS);
    const exit = await new Promise<string>((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) => done(signal ?? `code ${code}`));
    }).finally(() => clearTimeout(timer));
    run.exit = isTooSlow ? `still running after ${TIME_LIMIT_MS} ms` : exit;
    return run;
  }

  async #findTarget(questdb: AgentVariant['questdb']): Promise<NodeJS.ProcessEnv> {
    if (questdb === 'missing') return {};
    if (questdb === 'refuses') return { PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1' };
    let started = this.#servers.get(questdb);
    if (!started) {
      started = startServer(questdb);
      this.#servers.set(questdb, started);
    }
    return { PERFORMANCE_QUESTDB_URL: (await started).url };
  }
}

/** Starts a server that all programs share. */
async function startServer(behavior: FakeQuestdbBehavior): Promise<FakeQuestdb> {
  const server = new FakeQuestdb(behavior);
  await server.start();
  return server;
}

/** Kills a program and its children, and stops waiting for output of other processes. */
function killGroup({ pid, stdout, stderr }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // The program has ended, but another process still has its streams.
  }
  stdout?.destroy();
  stderr?.destroy();
}

function getModules({ modules }: HostProgram): readonly [plain: string, measured: string] {
  return modules ? [join(PROGRAMS, modules[0]), join(PROGRAMS, modules[1])] : [NO_AGENT, AGENT];
}

function getArguments({ args, flags = [], usesNodeOptions }: HostProgram, load: readonly string[]) {
  const [first, ...others] = args;
  const file = first?.endsWith('js') ? [join(PROGRAMS, first)] : first === undefined ? [] : [first];
  return [...(usesNodeOptions ? [] : load), ...flags, ...file, ...others];
}

/** Describes everything that a user can observe, one fact per line. */
function formatRun({ exit, stdout, stderr }: HostProgramRun, program: HostProgram): string {
  const text = stderr
    // Node's warnings contain the process ID.
    .replace(/\(node:\d+\)/g, '(node)')
    // The agent wraps methods such as `process.emit`. The frames of Node.js itself depend on the timing of timers.
    .replace(/^ +at .*(\/dist\/agent-package\/|\(node:internal\/).*\n/gm, '');
  const allowed = program.losesRows ? removeWarnings(text) : text;
  return `exit: ${exit}\nstdout: ${stdout}\nstderr: ${allowed}`;
}

/** Removes the first of the agent's warnings of each kind. */
function removeWarnings(stderr: string): string {
  const kinds = new Set<string>();
  return stderr.replace(/^perfscope: (.*)\n/gm, (line, message: string) => {
    const kind = message.replace(/\d+/g, '0');
    if (kinds.has(kind)) return line;
    kinds.add(kind);
    return '';
  });
}

/** Returns the lines in the spool that a run left behind. */
export function readSpool({ spool }: HostProgramRun): string[] {
  return readSpooledLines(spool);
}
