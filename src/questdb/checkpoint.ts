import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../config/target.ts';
import { coded } from '../errors.ts';
import { exec } from './exec.ts';

const APPLIED_WITHIN_MS = 120_000;
const POLL_MS = 100;
/** It copies the state of every table. */
const CREATE_WITHIN_MS = 120_000;

/**
 * Runs `copy` while QuestDB keeps the files of one moment. What was acknowledged before the call is
 * in them. Writing goes on meanwhile.
 *
 * @throws PS_BACKUP_FAILED when another checkpoint is held, or QuestDB can't apply what it has taken
 */
export async function withCheckpoint<T>(target: WriteTarget, copy: () => Promise<T>): Promise<T> {
  const { dataset } = await exec(target, 'SELECT in_progress, started_at FROM checkpoint_status()');
  const [inProgress, since] = dataset[0] ?? [];
  if (inProgress === true) {
    const reason = `QuestDB holds another checkpoint since ${since}; if no backup runs, end it with --release`;
    throw coded('PS_BACKUP_FAILED', { reason });
  }
  await untilApplied(target);
  await exec(target, 'CHECKPOINT CREATE', CREATE_WITHIN_MS);
  try {
    return await copy();
  } finally {
    await releaseCheckpoint(target);
  }
}

/** Lets QuestDB remove old files again. */
export async function releaseCheckpoint(target: WriteTarget): Promise<void> {
  await exec(target, 'CHECKPOINT RELEASE', CREATE_WITHIN_MS);
}

/** What is acknowledged is in a log first, which a checkpoint does not hold. */
async function untilApplied(target: WriteTarget): Promise<void> {
  const states = async () => {
    const { dataset } = await exec(
      target,
      'SELECT name, suspended, writerTxn, sequencerTxn FROM wal_tables()',
    );
    return dataset.map(([name, suspended, written, taken]) => ({
      name: String(name),
      suspended: suspended === true,
      written: Number(written),
      taken: Number(taken),
    }));
  };
  const wanted = new Map((await states()).map(({ name, taken }) => [name, taken]));
  const deadline = Date.now() + APPLIED_WITHIN_MS;
  for (;;) {
    const waiting = (await states()).filter(
      ({ name, written }) => written < (wanted.get(name) ?? 0),
    );
    if (waiting.length === 0) return;
    const suspended = waiting.find((table) => table.suspended);
    const reason = suspended
      ? `QuestDB has suspended ${suspended.name}; resume it with ALTER TABLE … RESUME WAL`
      : 'QuestDB does not keep up with what is written';
    if (suspended || Date.now() > deadline) throw coded('PS_BACKUP_FAILED', { reason });
    await delay(POLL_MS);
  }
}
