import { SenderBufferV1, SenderOptions } from '@questdb/nodejs-client';
import { type AnyRow, type ColumnType, type Table, toSnakeCase } from '../schema/column.ts';

/** A table's columns in the order of the line protocol: symbols come first. */
interface Layout {
  readonly symbols: readonly (readonly [property: string, column: string])[];
  readonly fields: readonly (readonly [property: string, column: string, type: ColumnType])[];
}

/**
 * Turns rows into QuestDB's line protocol. Version 1 is text, so that any QuestDB of the last
 * years takes it and a spooled file can be read by people.
 */
export class Encoder {
  readonly #buffer = new SenderBufferV1(
    new SenderOptions(
      'http::addr=127.0.0.1:9000;auto_flush=off;protocol_version=1;init_buf_size=262144',
      {
        log: () => {},
      },
    ),
  );
  readonly #layouts = new Map<Table, Layout>();

  /** @returns the lines of `rows`, in a buffer of its own. */
  encode(table: Table, rows: readonly AnyRow[]): Buffer {
    const layout = this.#layoutOf(table);
    this.#buffer.reset();
    for (const row of rows) this.#write(table.name, layout, row);
    return this.#buffer.toBufferNew() ?? Buffer.alloc(0);
  }

  #write(table: string, layout: Layout, row: AnyRow): void {
    const buffer = this.#buffer;
    buffer.table(table);
    for (const [property, column] of layout.symbols) {
      const value = row[property];
      if (value !== undefined && value !== '') buffer.symbol(column, value);
    }
    for (const [property, column, type] of layout.fields) {
      const value = row[property];
      if (value === undefined) continue;
      if (type === 'double') {
        if (Number.isFinite(value)) buffer.floatColumn(column, value as number);
      } else if (type === 'long') buffer.intColumn(column, value as number);
      else if (type === 'boolean') buffer.booleanColumn(column, value as boolean);
      else if (type === 'timestamp') buffer.timestampColumn(column, toMicros(value as number));
      else buffer.stringColumn(column, value as string);
    }
    buffer.at(toMicros(row.timestamp));
  }

  #layoutOf(table: Table): Layout {
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

function toMicros(ms: number): number {
  return Math.round(ms * 1000);
}
