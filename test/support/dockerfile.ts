import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Instruction {
  readonly keyword: string;
  readonly text: string;
}

/** A built stage. The files of its image are in `root`. */
export interface Image {
  readonly root: string;
  /** Current folder, as a path in the image. */
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

type Stage = { -readonly [K in keyof Image]: Image[K] };

/** Returns the instructions of a Dockerfile, with joined lines and without comments. */
export function readInstructions(file: string): Instruction[] {
  const text = readFileSync(file, 'utf8').replaceAll(/^\s*#.*\n/gm, '');
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, keyword = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { keyword, text: rest };
    });
}

/**
 * Performs the steps of a Dockerfile without containers. Each stage is a folder in `folder`. Base images are empty, so
 * the commands in RUN use the programs of this machine.
 *
 * @param context folder with the Dockerfile and its `.dockerignore`
 * @param env environment of the commands in RUN
 * @returns the last stage
 * @throws Error if a command fails, or a file is missing or ignored
 */
export async function buildImage(
  context: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<Image> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { keyword, text } of readInstructions(join(context, 'Dockerfile'))) {
    if (keyword === 'FROM') {
      const [base = '', , name = 'final'] = text.split(' ');
      stage = createStage(join(folder, name), stages.get(base));
      stages.set(name, stage);
    } else if (keyword === 'COPY') copyFiles(text, stage!, context, stages);
    else if (keyword === 'RUN') await runCommand(text, stage!, env);
    else applySetting(keyword, text, stage!);
  }
  return stage!;
}

function createStage(root: string, base: Stage | undefined): Stage {
  mkdirSync(root, { recursive: true });
  if (base) cpSync(base.root, root, { recursive: true });
  const empty = { workdir: '/', env: {}, user: '', entrypoint: [], command: [], healthcheck: [] };
  return { ...empty, ...base, root };
}

function applySetting(keyword: string, text: string, stage: Stage): void {
  if (keyword === 'WORKDIR') {
    stage.workdir = text;
    mkdirSync(join(stage.root, text), { recursive: true });
  } else if (keyword === 'ENV') {
    const pairs = text.split(/\s+/).map((pair) => pair.split(/=(.*)/s) as [string, string]);
    stage.env = { ...stage.env, ...Object.fromEntries(pairs) };
  } else if (keyword === 'USER') stage.user = text;
  else if (keyword === 'ENTRYPOINT') stage.entrypoint = JSON.parse(text) as string[];
  else if (keyword === 'CMD') stage.command = JSON.parse(text) as string[];
  else if (keyword === 'HEALTHCHECK')
    stage.healthcheck = JSON.parse(text.replace(/^.*?CMD /, '')) as string[];
  else if (keyword !== 'EXPOSE') throw new Error(`unknown instruction ${keyword}`);
}

function copyFiles(
  text: string,
  stage: Stage,
  context: string,
  stages: ReadonlyMap<string, Stage>,
): void {
  const [, from] = /^--from=(\S+) /.exec(text) ?? [];
  const paths = text.replace(/^--from=\S+ /, '').split(' ');
  const destination = paths.pop()!;
  for (const path of paths) {
    if (from === undefined && !readAllowedFiles(context).includes(path))
      throw new Error(`.dockerignore excludes ${path}`);
    const source = join(from === undefined ? context : stages.get(from)!.root, path);
    if (!existsSync(source)) throw new Error(`${path} does not exist`);
    const name = destination.endsWith('/') ? basename(path) : '';
    cpSync(source, join(stage.root, stage.workdir, destination, name), { recursive: true });
  }
}

function readAllowedFiles(context: string): string[] {
  return readFileSync(join(context, '.dockerignore'), 'utf8').match(/(?<=^!).+/gm) ?? [];
}

/** Runs a command as the current user. Absolute paths are in the stage. */
async function runCommand(
  text: string,
  { root, workdir }: Stage,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  const command = text
    .replaceAll(/ (\/[\w./-]+)/g, (_match, path: string) => ` '${join(root, path)}'`)
    .replaceAll('-o 1000 -g 1000', `-o ${uid} -g ${gid}`);
  await run('sh', ['-c', command], { cwd: join(root, workdir), env });
}
