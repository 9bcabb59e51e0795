import { computed, effect, signal } from '@preact/signals';
import type { ServerEvent } from '../../client/api-types.ts';
import { range } from '../url/view-state.ts';
import { unreachableSince } from './connection.ts';
import { refresh, refreshLive } from './queries.ts';
import { caller, client, noteApiError } from './session.ts';

export type LiveState = 'live' | 'paused' | 'fixed' | 'disconnected';

/** Whether the user has paused the updates. */
const isPaused = signal(false);

/** Whether the page follows new measurements. With a fixed range, there are none. */
export const liveState = computed((): LiveState => {
  if (unreachableSince.value !== undefined) return 'disconnected';
  if (isPaused.value) return 'paused';
  return 'last' in range.value ? 'live' : 'fixed';
});

/** Time to wait for more events before the page loads data again. */
const COLLECT_MS = 250;
/** Loads data again even without events, such as the ages of alerts. */
const FALLBACK_INTERVAL_MS = 30_000;

/** The endpoints whose answers an event changes. */
const CHANGED_ENDPOINTS: Readonly<Record<string, readonly string[]>> = {
  alert: ['alerts', 'alert', 'alertSeries', 'rules', 'marks'],
  incident: ['incidents', 'incident'],
  notification: ['notifications', 'incident'],
  decision: ['actions', 'decisions'],
};

/** Follows the server's stream while someone is signed in and the updates aren't paused. */
export function startLiveUpdates(): void {
  effect(() => {
    if (isPaused.value || caller.value === undefined) return undefined;
    const current = client.value;
    const abort = new AbortController();
    follow(current.stream({}, { signal: abort.signal })).catch(noteApiError);
    const timer = setInterval(refreshLive, FALLBACK_INTERVAL_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  });
}

/** Resumes the updates, and catches up. */
export function setPaused(paused: boolean): void {
  isPaused.value = paused;
  if (!paused) refreshLive();
}

async function follow(events: AsyncGenerator<ServerEvent>): Promise<void> {
  const pending = new Set<string>();
  const flush = () => {
    if (pending.delete('point') || pending.delete('gap')) refreshLive();
    const names = [...pending].flatMap((type) => CHANGED_ENDPOINTS[type] ?? []);
    pending.clear();
    if (names.length > 0) refresh(...names).catch(noteApiError);
  };
  for await (const { type } of events) {
    if (pending.size === 0) setTimeout(flush, COLLECT_MS);
    pending.add(type);
  }
}
