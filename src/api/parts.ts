import type { Log } from '../log.ts';
import type { Query } from '../questdb/reader.ts';
import type { Recorder } from '../record/recorder.ts';
import type { Add } from '../schema/tables.ts';

/** What the endpoints work with; the server joins it. */
export interface Parts {
  query: Query;
  recorder: Recorder;
  health: {
    readonly isMonitoring: boolean;
    startMonitoring(intervalMs: number): void;
    stopMonitoring(): void;
    getHealthSnapshot(): Promise<object>;
  };
  add: Add;
  flush: () => Promise<void>;
  /** Creates what is missing of the schema. */
  migrate: () => Promise<{ version: number; applied: string[] }>;
  healthIntervalMs: number;
  log: Log;
}
