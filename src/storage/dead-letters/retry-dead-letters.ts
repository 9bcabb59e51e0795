import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { isServiceTable, isTableName } from '../../core/schema/table-registry.ts';
import { containsOnlyRowsOf } from '../spool/line-protocol-check.ts';
import { IlpClient } from '../write/ilp-client.ts';
import { LineQueue } from '../write/line-queue.ts';
import { LineSender } from '../write/line-sender.ts';
import { type DeadLetter, toLine } from './dead-letter-files.ts';
import type { DeadLetterOwner } from './dead-letter-groups.ts';

const MAX_FAILURES = 5;
const RETRY_MS = 500;

/** Sends dead letters to QuestDB again. */
export class DeadLetterSender {
  readonly #target: WriteTarget;
  readonly #client = new IlpClient(true);
  readonly #sender: LineSender;
  /** New reasons of rejected lines. */
  readonly #rejected = new Map<string, string>();

  /** @param repairSchema creates missing tables and columns */
  constructor(target: WriteTarget, repairSchema: (target: WriteTarget) => Promise<void>) {
    this.#target = target;
    this.#sender = new LineSender({
      client: this.#client,
      repairSchema,
      onRejected: async (_table, line, reason) => {
        this.#rejected.set(line.toString('latin1'), reason);
      },
    });
  }

  /**
   * Sends dead letters. A failure stops it.
   *
   * @returns `kept`: the dead letters that were not stored, with their new reasons. `rejected`: the number of kept dead
   * letters that QuestDB rejected again or that must not be sent. `failure`: why QuestDB can't be reached.
   */
  async send(
    letters: readonly DeadLetter[],
    owner: DeadLetterOwner,
  ): Promise<{ kept: DeadLetter[]; rejected: number; failure: string | undefined }> {
    const kept: DeadLetter[] = [];
    let rejected = 0;
    let failure: string | undefined;
    for (const [table, group] of Map.groupBy(letters, (letter) => letter.table)) {
      const allowed = group.filter((letter) => mustNotSend(letter, owner) === undefined);
      const others = group.filter((letter) => mustNotSend(letter, owner) !== undefined);
      kept.push(...others);
      rejected += others.length;
      const unsent = new Set<string>();
      if (failure === undefined && allowed.length > 0) {
        const lines = allowed.map(toLine);
        const queue = new LineQueue(lines.map((line) => ({ lines: line, rows: 1 })));
        failure = await this.#sendQueue(table, queue);
        for (const line of queue.remaining) unsent.add(line.toString('latin1'));
      } else for (const letter of allowed) unsent.add(toLine(letter).toString('latin1'));
      for (const letter of allowed) {
        const line = toLine(letter).toString('latin1');
        const reason = this.#rejected.get(line);
        if (reason !== undefined) {
          kept.push({ ...letter, reason });
          rejected++;
        } else if (unsent.has(line)) kept.push(letter);
      }
      this.#rejected.clear();
    }
    return { kept, rejected, failure };
  }

  close(): void {
    this.#client.close();
  }

  async #sendQueue(table: string, queue: LineQueue): Promise<string | undefined> {
    for (let failures = 0; !queue.isEmpty; ) {
      const failure = await this.#sender
        .sendNext(this.#target, table, queue)
        .catch((error: unknown) => ({ reason: errorMessage(error) }));
      if (failure === undefined) continue;
      if (++failures === MAX_FAILURES) return failure.reason;
      await delay(RETRY_MS);
    }
    return undefined;
  }
}

/** Returns why a row must not be sent: another program could have written the file. */
function mustNotSend(letter: DeadLetter, owner: DeadLetterOwner): string | undefined {
  const { table } = letter;
  if (!isTableName(table)) return 'the table is not a table of Perfscope';
  if (owner === 'services' && !isServiceTable(table)) return `services can't write to ${table}`;
  if (!containsOnlyRowsOf(table, toLine(letter))) return 'the row has an unexpected format';
  return undefined;
}
