import { ExistingObject } from '../loading/hidden-property.ts';

let isRunningUnrecorded = false;

/**
 * Runs `fn`, whose database commands are not recorded, because Perfscope or a queue library sends them. Applies only
 * to commands that `fn` sends synchronously.
 */
export function runUnrecorded<T>(fn: () => T): T {
  const outer = isRunningUnrecorded;
  isRunningUnrecorded = true;
  try {
    return fn();
  } finally {
    isRunningUnrecorded = outer;
  }
}

/** Whether the current code runs inside {@link runUnrecorded}. */
export function isUnrecorded(): boolean {
  return isRunningUnrecorded;
}

/**
 * Marks what belongs to a queue library: the options of its connections, and the classes of its scripts. Their
 * commands are parts of queue operations, so they are not recorded as commands of the application.
 */
export class QueueOwnedField extends ExistingObject {
  #isOwned: boolean;

  private constructor(target: object) {
    super(target);
    this.#isOwned = true;
  }

  static has(target: object | undefined): boolean {
    return target !== undefined && #isOwned in target && target.#isOwned;
  }

  static set(target: object): void {
    if (!(#isOwned in target)) new QueueOwnedField(target);
  }
}

/** Stores the key prefixes of queues on the options of a client that the application shares with a queue library. */
export class QueueKeysField extends ExistingObject {
  #prefixes: Set<string>;

  private constructor(options: object) {
    super(options);
    this.#prefixes = new Set();
  }

  static add(options: object, prefix: string): void {
    if (!(#prefixes in options)) new QueueKeysField(options);
    (options as QueueKeysField).#prefixes.add(prefix);
  }

  /** Whether a key belongs to a queue that uses the client with these options. */
  static hasKey(options: object | undefined, key: unknown): boolean {
    if (options === undefined || !(#prefixes in options) || typeof key !== 'string') return false;
    for (const prefix of options.#prefixes) if (key.startsWith(prefix)) return true;
    return false;
  }
}
