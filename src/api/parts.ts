import type { Access } from '../access/access.ts';
import type { Log } from '../log.ts';
import type { Recorder } from '../record/recorder.ts';
import type { ActionDesk } from '../schema/action-desk.ts';
import type { AlertDesk } from '../schema/alert-desk.ts';
import type { HealthSnapshot } from '../schema/health-snapshot.ts';
import type { LinkReader, NotificationDesk } from '../schema/notification-desk.ts';
import type { Add } from '../schema/tables.ts';
import type { Store } from '../windows/store.ts';

/** What the endpoints work with; the server joins it. */
export interface Parts {
  store: Store;
  /** Whose days and hours are compared. */
  zone: string;
  recorder: Recorder;
  health: {
    readonly isMonitoring: boolean;
    startMonitoring(intervalMs: number): void;
    stopMonitoring(): void;
    getHealthSnapshot(): Promise<HealthSnapshot>;
  };
  alerts: AlertDesk;
  notifications: NotificationDesk;
  actions: ActionDesk;
  /** Reads the links of messages. */
  links: LinkReader;
  access: Pick<Access, 'identify' | 'keys' | 'audit'>;
  /** Requests of one caller in a minute. */
  mostRequests: number;
  add: Add;
  flush: () => Promise<void>;
  /** Creates what is missing of the schema. */
  migrate: () => Promise<{ version: number; applied: string[] }>;
  healthIntervalMs: number;
  /** How long rows need at most from being measured to being stored, when nothing is wrong. */
  settleMs: number;
  /** Ends what goes on for long. */
  stopping: AbortSignal;
  log: Log;
}
