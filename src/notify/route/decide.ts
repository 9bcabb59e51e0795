import { createHash } from 'node:crypto';
import {
  isActive,
  type KnownAlert,
  saidOf,
  statusOf,
  type Telling,
  toldOf,
  worstFirst,
} from '../alert.ts';
import type { Message } from '../channel.ts';
import { type Target, targetKey } from './target.ts';
import { goesOn, type Thread, type ToldState } from './threads.ts';
import type { Wanted } from './wanted.ts';

/** A message, and what its target has been told after it. */
export interface Decided {
  readonly message: Message;
  readonly thread: Thread;
}

interface Occasion {
  readonly kind: Message['kind'];
  readonly level: number;
  readonly timeZone: string;
  readonly now: number;
}

/**
 * What a group's change says to each target: those that routes lead to now, and those that were told
 * of an alert that has been taken on, or has ended. Nothing to whom it says nothing new, unless
 * `repeatMs` have passed.
 */
export function decideGroup(
  { key, alerts }: Telling,
  wanted: readonly Wanted[],
  threads: readonly Thread[],
  repeatMs: number,
  { now, timeZone }: { now: number; timeZone: string },
): Decided[] {
  const active = alerts.filter(isActive);
  const over = alerts.filter((alert) => !isActive(alert));
  const known = new Map(threads.map((thread) => [targetKey(thread.target), thread]));
  const routed = new Map(wanted.map((each) => [targetKey(each.target), each]));
  const decided: Decided[] = [];
  for (const name of new Set([...routed.keys(), ...known.keys()])) {
    const thread = known.get(name);
    const target = routed.get(name)?.target ?? thread?.target;
    if (!target) continue;
    const told = thread?.told ?? {};
    const news = routed.get(name)?.alerts ?? [];
    const ended = over.filter(({ id }) => goesOn(told[id]));
    const taken = active.filter((a) => told[a.id] && a.state === 'acknowledged' && isNew(a, told));
    const isRepeat = news.length > 0 && now - (thread?.toldMs ?? 0) >= repeatMs;
    if (!news.some((a) => isNew(a, told)) && ended.length + taken.length === 0 && !isRepeat)
      continue;
    const others = active.filter(({ id }) => told[id] !== undefined);
    const said = [...new Set([...news, ...others, ...ended])];
    const occasion = { kind: 'route', level: 0, timeZone, now } as const;
    decided.push(messageTo(target, key, said, thread, occasion));
  }
  return decided;
}

/** A message of `alerts` to a target, whatever it was told before. */
export function messageTo(
  target: Target,
  groupKey: string,
  alerts: readonly KnownAlert[],
  before: Thread | undefined,
  { kind, level, timeZone, now }: Occasion,
): Decided {
  const messages = (before?.messages ?? 0) + 1;
  const sorted = worstFirst(alerts);
  const said = sorted.map((alert) => `${alert.id} ${saidOf(alert)}`);
  const identity = [targetKey(target), groupKey, kind, level, messages, ...said.toSorted()];
  const id = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  const states = alerts.map((alert): [string, ToldState] => {
    const reached = before?.told[alert.id]?.reached ?? false;
    return [alert.id, { said: saidOf(alert), reached }];
  });
  return {
    message: {
      id,
      groupKey,
      receiver: target.receiver,
      kind,
      level,
      timeZone,
      status: statusOf(sorted),
      alerts: sorted.map(toldOf),
    },
    thread: {
      target,
      groupKey,
      messages,
      toldMs: now,
      told: { ...before?.told, ...Object.fromEntries(states) },
    },
  };
}

function isNew(alert: KnownAlert, told: Thread['told']): boolean {
  return told[alert.id]?.said !== saidOf(alert);
}
