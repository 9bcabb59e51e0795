import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import net, { type IpcNetConnectOpts, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { guard } from '../../core/guard.ts';
import { randomBytes } from '../../core/lazy-crypto.ts';
import {
  ENDED_PROCESS,
  getProcessIdentity,
  isProcessAlive,
  type ProcessIdentity,
} from '../../core/process-identity.ts';

const PART = 'the spool folder';
const SOCKET_FILE = 'owner';
const UNFINISHED_CHECKPOINT_FILE = 'checkpoint.part';
/** File of a server with the last points of all cumulative series. */
export const STATE_SNAPSHOT_FILE = 'series-state';
export const UNFINISHED_STATE_SNAPSHOT_FILE = `${STATE_SNAPSHOT_FILE}.part`;
/** The owner has a socket. The process ID is only for people. */
const SOCKET_FOLDER_PATTERN = /^spool-\d+-[0-9a-f]{8}$/;
/** The owner has no socket, so its process ID and start time identify it. */
const PROCESS_FOLDER_PATTERN = /^spool-(\d+)-(\w*)-[0-9a-f]{8}$/;
/** Name of a folder that is being created. Other processes don't adopt it. */
const NEW_FOLDER_PATTERN = /^new-\d+-[0-9a-f]{8}$/;
/** Age in ms of an incomplete folder after which its process must have been killed. */
const MAX_CREATION_MS = 60_000;
/** Maximum length of a socket's path in bytes (unix(7): 108 on Linux; 104 on macOS), with the final NUL. */
const MAX_SOCKET_PATH_BYTES = 103;
/** Results of a connection to the socket of an owner that has ended. */
const ENDED_CODES: ReadonlySet<string | undefined> = new Set(['ECONNREFUSED', 'ENOENT']);

// Taken when this module is loaded, because applications can replace these functions.
const { Server: NetServer, Socket: NetSocket } = net;
const { listen } = NetServer.prototype;
const connect: (this: Socket, options: IpcNetConnectOpts) => Socket = NetSocket.prototype.connect;

/**
 * A folder of the spool that one process or worker thread owns. The owner listens on a Unix socket in
 * the folder. The kernel closes the socket when the owner ends, even after `kill -9`. It also works
 * between containers of one machine that share a volume, where process IDs are not visible. Without
 * support for such sockets, such as on Windows, the process ID in the folder's name is used.
 */
export class OwnedFolder {
  #path: string;
  readonly #server: Server | undefined;

  private constructor(path: string, server: Server | undefined) {
    this.#path = path;
    this.#server = server;
  }

  /**
   * Creates a folder in `root` that only the current user can use.
   *
   * @throws the error of the file system
   */
  static create(root: string): OwnedFolder {
    // Other processes ignore this name, so they can't adopt the folder before it is owned.
    const created = join(root, `new-${process.pid}-${createRandomName()}`);
    mkdirSync(created, { recursive: true, mode: 0o700 });
    let server: Server | undefined;
    try {
      server = listenIn(created);
      const name = server
        ? `spool-${process.pid}-${createRandomName()}`
        : formatProcessFolder(getProcessIdentity(process.pid));
      const path = join(root, name);
      renameSync(created, path);
      return new OwnedFolder(path, server);
    } catch (error) {
      server?.close();
      removeOrphanedFolder(created);
      throw error;
    }
  }

  get path(): string {
    return this.#path;
  }

  /** Gives up the folder if it contains no other files. Returns whether it did. */
  deleteIfUnused(): boolean {
    if (!containsOnlySocket(this.#path)) return false;
    this.release();
    return true;
  }

  /** Gives up the folder, and deletes it if it is empty. Otherwise, other processes can adopt it. */
  release(): void {
    this.#server?.close();
    removeOrphanedFolder(this.#path);
    // This process can continue to run. Without a socket, others would wait until it ends.
    if (!this.#server) this.#renameToOrphan();
  }

  #renameToOrphan(): void {
    const orphan = join(dirname(this.#path), createOrphanName());
    try {
      renameSync(this.#path, orphan);
      this.#path = orphan;
    } catch {
      // The folder was empty, or it can't be renamed. Then others adopt it when this process has ended.
    }
  }
}

function createRandomName(): string {
  return randomBytes(4).toString('hex');
}

function formatProcessFolder({ pid, started }: ProcessIdentity): string {
  return `spool-${pid}-${started}-${createRandomName()}`;
}

/** Returns a name for a folder that no process owns. The next process adopts it. */
export function createOrphanName(): string {
  return formatProcessFolder(ENDED_PROCESS);
}

/** Whether a folder has the name of an {@link OwnedFolder}. */
export function isOwnedFolderName(name: string): boolean {
  return SOCKET_FOLDER_PATTERN.test(name) || PROCESS_FOLDER_PATTERN.test(name);
}

/**
 * Deletes a folder whose process was killed while it created the folder. Such a folder contains no rows. Ignores
 * folders with other names. Never throws.
 */
export function removeAbandonedFolder(root: string, name: string): void {
  if (!NEW_FOLDER_PATTERN.test(name)) return;
  const folder = join(root, name);
  try {
    if (Date.now() - lstatSync(folder).mtimeMs > MAX_CREATION_MS) removeOrphanedFolder(folder);
  } catch {
    // The folder no longer exists, or it can't be read.
  }
}

/** Whether the name of a folder contains a process ID. The owner can be a worker thread. */
export function isFolderOfProcess(name: string, pid: number): boolean {
  return name.startsWith(`spool-${pid}-`);
}

/** Returns whether the owner of an {@link OwnedFolder} is still running. Never rejects. */
export async function isFolderOwned(root: string, name: string): Promise<boolean> {
  const [, pid, started = ''] = PROCESS_FOLDER_PATTERN.exec(name) ?? [];
  if (pid !== undefined) return isProcessAlive({ pid: Number(pid), started });
  try {
    return !ENDED_CODES.has(await tryConnect(join(root, name)));
  } catch {
    // The process has no free file descriptors.
    return true;
  }
}

/** Deletes the other files of an owner that has ended, and the folder if it is then empty. */
export function removeOrphanedFolder(folder: string): void {
  try {
    rmSync(join(folder, SOCKET_FILE), { force: true });
    rmSync(join(folder, UNFINISHED_CHECKPOINT_FILE), { force: true });
    rmSync(join(folder, UNFINISHED_STATE_SNAPSHOT_FILE), { force: true });
  } catch {
    // The folder can't be changed, so it stays.
  }
  removeFolderIfEmpty(folder);
}

function containsOnlySocket(folder: string): boolean {
  try {
    return readdirSync(folder).every((name) => name === SOCKET_FILE);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

export function removeFolderIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // The folder is not empty, or it no longer exists.
  }
}

/**
 * Returns undefined if the system or the file system doesn't support sockets.
 *
 * @throws the error of the file system if a later attempt can succeed, such as EMFILE
 */
function listenIn(folder: string): Server | undefined {
  return withSocketPath(folder, (path) => {
    if (path === undefined) return undefined;
    const server = new NetServer({ pauseOnConnect: true });
    server.on(
      'connection',
      guard(PART, (socket: Socket) => socket.destroy()),
    );
    // Without a listener, a failure would end the process.
    server.on(
      'error',
      guard(PART, () => {}),
    );
    try {
      // Exclusive, because otherwise a cluster worker asks its primary process to listen.
      listen.call(server, { path, exclusive: true });
    } catch {
      // Same as if it does not listen.
    }
    server.unref();
    if (server.listening) return server;
    assertCanCreateFile(folder);
    return undefined;
  });
}

/**
 * The error of a socket is known only in the next turn of the event loop. If it isn't specific to sockets, a file can't
 * be created either.
 *
 * @throws the error of the file system
 */
function assertCanCreateFile(folder: string): void {
  const path = join(folder, SOCKET_FILE);
  rmSync(path, { force: true });
  closeSync(openSync(path, 'wx', 0o600));
  rmSync(path);
}

/**
 * Returns undefined if the owner is running, or else the code of the error.
 *
 * @throws the error of the file system
 */
async function tryConnect(folder: string): Promise<string | undefined> {
  return await withSocketPath(folder, (path) => {
    if (path === undefined) return Promise.resolve('UNSUPPORTED');
    return new Promise((resolve) => {
      const socket = new NetSocket();
      const end = (code: string | undefined) => {
        socket.destroy();
        resolve(code);
      };
      socket.on(
        'error',
        guard(PART, (error: NodeJS.ErrnoException) => end(error.code ?? 'UNKNOWN')),
      );
      socket.on(
        'connect',
        guard(PART, () => end(undefined)),
      );
      connect.call(socket, { path });
      socket.unref();
    });
  });
}

/**
 * Calls `use` with the path of the folder's socket, or with undefined if sockets are not supported. A long
 * path is replaced by a path through an open file descriptor of the folder.
 *
 * @throws the error of the file system, or the error of `use`
 */
function withSocketPath<T>(folder: string, use: (path: string | undefined) => T): T {
  const path = join(folder, SOCKET_FILE);
  if (process.platform === 'win32') return use(undefined);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return use(path);
  if (process.platform !== 'linux') return use(undefined);
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return use(`/proc/self/fd/${fd}/${SOCKET_FILE}`);
  } finally {
    closeSync(fd);
  }
}
