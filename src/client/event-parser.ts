/** One event as it was sent. */
export interface RawEvent {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
  /** How long to wait before connecting again, where the server says so. */
  readonly retryMs: number | undefined;
}

/** Makes events of the pieces of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export class EventParser {
  #rest = '';

  /** @returns the events that `piece` completes; comments are none */
  add(piece: string): RawEvent[] {
    const blocks = (this.#rest + piece).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => eventOf(block) ?? []);
  }
}

function eventOf(block: string): RawEvent | undefined {
  const fields = new Map<string, string[]>();
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name !== '') fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  if (fields.size === 0) return undefined;
  const retry = fields.get('retry')?.at(-1);
  return {
    type: fields.get('event')?.at(-1) ?? 'message',
    id: fields.get('id')?.at(-1),
    data: fields.get('data')?.join('\n') ?? '',
    retryMs: retry === undefined ? undefined : Number(retry),
  };
}
