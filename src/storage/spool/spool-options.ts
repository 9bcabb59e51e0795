import type { Logger } from '../../core/log.ts';
import type { DroppedRowCounter } from './dropped-rows.ts';
import type { SpoolDeadLetters } from './segment-reader.ts';
import type { StateKeeper } from './segment-states.ts';
import type { ReadCheckpoint } from './spool-adoption.ts';

export interface SpoolOptions {
  /** Folder that all processes share. Each process has its own folder in it. */
  dir: string;
  /**
   * Whether this process can write all tables, such as API keys. It then has a subfolder that services
   * don't use. It writes its rows to the disk once a second, so that they survive a power failure.
   * Services don't, because that uses threads of the application. Default: `false`.
   */
  isServer?: boolean | undefined;
  /** Maximum size of the segments and the dead letters. */
  maxBytes: number;
  /** Keeps rows that must not be sent. */
  deadLetters: SpoolDeadLetters;
  /** Returns the rows in the checkpoint of a killed process. Default: there are no checkpoints. */
  readCheckpoint?: ReadCheckpoint | undefined;
  /** Called before `read` returns rows that the disk has refused. */
  beforeMemoryRead?: (() => void) | undefined;
  /** Keeps the states that records contain. Default: segments with states are left to other processes. */
  states?: StateKeeper | undefined;
  dropped: DroppedRowCounter;
  log: Logger;
}
