import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { PerfscopeServer } from './perfscope-server.ts';

/** A Perfscope server of any build. */
export class ChaosServer extends PerfscopeServer {
  constructor(dist: string, env: NodeJS.ProcessEnv = {}) {
    super(env);
    this.command = [process.execPath, resolve(dist, 'bin.js')];
  }

  /**
   * Runs a command.
   *
   * @throws Error with the output if it fails
   */
  async runCommand(...args: string[]): Promise<void> {
    const [command, ...first] = this.command;
    const child = spawn(command, [...first, ...args], { env: this.env, stdio: 'pipe' });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.resume();
    const status = await new Promise((done) => child.once('close', done));
    if (status !== 0) throw new Error(`${args[0]} failed: ${stderr}`);
  }

  /** Kills the server and the embedded QuestDB at the same time, as a power cut does. */
  async killWithQuestdb(): Promise<void> {
    const { child, questdbPid } = this;
    const exited = new Promise((done) => child?.once('exit', done));
    process.kill(questdbPid, 'SIGKILL');
    child?.kill('SIGKILL');
    await exited;
  }
}
