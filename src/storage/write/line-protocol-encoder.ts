import { SenderBufferV1, SenderOptions } from '@questdb/nodejs-client';
import {
  type AnyRow,
  type ColumnType,
  type Table,
  toSnakeCase,
} from '../../core/schema/table-definition.ts';

/** The columns of a table in the order that the line protocol requires: symbols first. */
interface ColumnLayout {
  readonly symbols: readonly (readonly [property: string, column: string])[];
  readonly fields: readonly (readonly [property: string, column: string, type: ColumnType])[];
}

/**
 * Encodes rows in the QuestDB line protocol. Version 1 is a text format. All recent QuestDB
 * versions support it, and people can read the spooled files.
 */
export class LineProtocolEncoder {
  readonly #buffer = new SenderBufferV1(
    new SenderOptions(
      'http::addr=127.0.0.1:9000;auto_flush=off;protocol_version=1;init_buf_size=262144',
      {
        log: () => {},
      },
    ),
  );
  readonly #layouts = new Map<Table, ColumnLayout>();

  /** Returns the lines of `rows` in a new buffer. */
  encode(table: Table, rows: readonly AnyRow[]): Buffer {
    const layout = this.#getLayout(table);
    this.#buffer.reset();
    for (const row of rows) this.#encodeRow(table.name, layout, row);
    return this.#buffer.toBufferNew() ?? Buffer.alloc(0);
  }

  #encodeRow(table: string, layout: ColumnLayout, row: AnyRow): void {
    const buffer = this.#buffer;
    buffer.table(table);
    for (const [property, column] of layout.symbols) {
      const value = row[property];
      if (value !== undefined && value !== '') buffer.symbol(column, replaceInvalid(value));
    }
    for (const [property, column, type] of layout.fields) {
      const value = row[property];
      if (value === undefined) continue;
      if (type === 'double') {
        if (Number.isFinite(value)) buffer.floatColumn(column, value as number);
      } else if (type === 'long') buffer.intColumn(column, value as number);
      else if (type === 'boolean') buffer.booleanColumn(column, value as boolean);
      else if (type === 'timestamp')
        buffer.timestampColumn(column, toMicroseconds(value as number));
      else buffer.stringColumn(column, replaceInvalid(value) as string);
    }
    buffer.at(toMicroseconds(row.timestamp));
  }

  #getLayout(table: Table): ColumnLayout {
    let layout = this.#layouts.get(table);
    if (!layout) {
      const columns = Object.entries(table.columns);
      layout = {
        symbols: columns.filter(([, type]) => type === 'symbol').map(([p]) => [p, toSnakeCase(p)]),
        fields: columns
          .filter(([, type]) => type !== 'symbol')
          .map(([p, type]) => [p, toSnakeCase(p), type]),
      };
      this.#layouts.set(table, layout);
    }
    return layout;
  }
}

/** QuestDB rejects all rows of a request if one text contains the character NUL. */
const NUL = '\0';

function replaceInvalid(value: unknown): unknown {
  return typeof value === 'string' && value.includes(NUL) ? value.replaceAll(NUL, '\ufffd') : value;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000);
}
