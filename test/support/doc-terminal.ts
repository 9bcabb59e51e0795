import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait-for.ts';

/** Prints the folder and the exported variables at the end of a block. The next block starts with them. */
const SAVE_STATE = '{ printf "cd %q\\n" "$PWD"; export -p; } > "$STATE_FILE"';

/** A terminal in which a reader of the documents runs commands. Uses bash. */
export class DocTerminal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-terminal-'));
  readonly #env: NodeJS.ProcessEnv;
  readonly #running = new Set<ChildProcess>();
  readonly #cwd: string;
  /** The commands that still run. */
  #current: { readonly commands: string; readonly output: string } | undefined;

  /**
   * @param cwd folder in which the terminal is opened
   * @param env environment of all commands
   */
  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    this.#cwd = cwd;
    this.#env = { ...env, STATE_FILE: join(this.#folder, 'state.sh') };
  }

  /**
   * Runs commands until they end.
   *
   * @returns their output
   * @throws Error with the output if a command fails
   */
  async run(commands: string): Promise<string> {
    await this.#interrupt();
    const { code, output } = await this.#start(commands).ended;
    if (code !== 0) throw new Error(`exit code ${code}:\n${commands}\n${output}`);
    return output;
  }

  /**
   * Runs commands until they print a text. If the commands end without the text, runs them again. Commands that don't
   * end continue until the next commands of this terminal. The same commands continue, and aren't run a second time.
   *
   * @throws Error with the last output if the text doesn't appear
   */
  async runUntil(commands: string, text: string): Promise<string> {
    if (this.#running.size > 0 && this.#current?.commands === commands) return this.#current.output;
    await this.#interrupt();
    let last = '';
    return waitFor(async () => {
      const program = this.#start(commands);
      this.#current = program;
      await waitFor(async () => program.output.includes(text) || program.hasEnded);
      last = program.output;
      return last.includes(text) && last;
    }).catch((cause: unknown) => {
      throw new Error(`${commands}\ndid not print "${text}", but:\n${last}`, { cause });
    });
  }

  /** Ends all commands that still run, and removes the terminal. */
  async close(): Promise<void> {
    await this.#interrupt();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Sends Ctrl-C to the commands that still run, and waits until they have ended. */
  async #interrupt(): Promise<void> {
    for (const child of this.#running) {
      try {
        // Each block is a process group, so that the commands that it started end too.
        process.kill(-child.pid!, 'SIGINT');
      } catch {
        this.#running.delete(child);
      }
    }
    await waitFor(async () => this.#running.size === 0);
  }

  #start(commands: string) {
    const script = `[ -f "$STATE_FILE" ] && . "$STATE_FILE"\nset -eo pipefail\n${commands}\n${SAVE_STATE}`;
    const child = spawn('bash', ['-c', script], {
      cwd: this.#cwd,
      env: this.#env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    const program = {
      commands,
      output: '',
      hasEnded: false,
      ended: Promise.resolve({ code: 0, output: '' }),
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        program.output += chunk;
      });
    }
    program.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        program.hasEnded = true;
        this.#running.delete(child);
        resolve({ code: code ?? -1, output: program.output });
      });
    });
    return program;
  }
}
