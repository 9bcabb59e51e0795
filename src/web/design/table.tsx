import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { getParameter, setParameters } from '../url/view-state.ts';

export interface Column<T> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Key for sorting. Without it, the table can't be sorted by the column. */
  readonly sortBy?: (row: T) => number | string | undefined;
  /** @default right if `sortBy` returns numbers */
  readonly align?: 'left' | 'right';
  /** Takes the remaining width. Long contents are cut. */
  readonly isWide?: boolean;
  /** Hidden on small screens. */
  readonly isOptional?: boolean;
}

export interface TableProps<T> {
  /** Describes the table for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  /** Parameter of the URL that contains the sorted column. Tables of a view need different names. @default sort */
  readonly sortParameter?: string;
  /** Number of visible rows. The other rows are reached by scrolling. Default: all rows, up to a page. */
  readonly visibleRows?: number;
  /** Shown if there are no rows. */
  readonly empty?: ComponentChildren;
}

const ROW_HEIGHT = 33;
const HEAD_HEIGHT = 27;
/** Longer tables draw only the rows near the visible part. */
const VIRTUAL_ROWS = 100;
const OVERSCAN = 12;

/** Returns the height of a table with this number of rows, in px. */
export function tableHeight(rows: number): number {
  return HEAD_HEIGHT + rows * ROW_HEIGHT;
}

/** A table that can be sorted. It draws only visible rows, so it can have any number of rows. */
export function Table<T>(props: TableProps<T>) {
  const { label, columns, rows, rowKey, sortParameter = 'sort', visibleRows, empty } = props;
  const order = readOrder(getParameter(sortParameter), columns);
  const sorted = useMemo(
    () => sortRows(rows, columns, order),
    [rows, order?.id, order?.isDescending],
  );
  const aligns = useMemo(
    () => columns.map((column) => alignOf(column, rows)),
    [rows, columns.map(({ id }) => id).join()],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const isVirtual = sorted.length > VIRTUAL_ROWS;
  const slice = useVisibleRows(scroller, sorted.length, isVirtual);
  const height = visibleRows === undefined ? undefined : `${tableHeight(visibleRows)}px`;
  if (rows.length === 0 && empty) return <>{empty}</>;
  return (
    <div
      class="table-scroll"
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={label}
      style={{ maxHeight: height ?? (isVirtual ? '72vh' : undefined) }}
    >
      <table class="table" aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <Heading
                key={column.id}
                {...{ column, order, sortParameter, align: aligns[index]! }}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {slice.before > 0 && <tr aria-hidden="true" style={{ height: `${slice.before}px` }} />}
          {sorted.slice(slice.start, slice.end).map((row, index) => (
            <tr key={rowKey(row)} aria-rowindex={slice.start + index + 2}>
              {columns.map((column, position) => (
                <td key={column.id} data-align={aligns[position]} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
          {slice.after > 0 && <tr aria-hidden="true" style={{ height: `${slice.after}px` }} />}
        </tbody>
      </table>
    </div>
  );
}

interface Order {
  readonly id: string;
  readonly isDescending: boolean;
}

interface HeadingProps<T> {
  readonly column: Column<T>;
  readonly order: Order | undefined;
  readonly sortParameter: string;
  readonly align: string;
}

function Heading<T>({ column, order, sortParameter, align }: HeadingProps<T>) {
  const current = order?.id === column.id ? order : undefined;
  const sort = () => {
    const isDescending = current ? !current.isDescending : align === 'right';
    const value = `${isDescending ? '-' : ''}${column.id}`;
    setParameters({ [sortParameter]: value }, { replace: true });
  };
  return (
    <th
      scope="col"
      data-align={align}
      class={classOf(column)}
      aria-sort={current && (current.isDescending ? 'descending' : 'ascending')}
    >
      {column.sortBy ? (
        <button type="button" onClick={sort}>
          {column.header}
          {current && (current.isDescending ? ' ↓' : ' ↑')}
        </button>
      ) : (
        column.header
      )}
    </th>
  );
}

function classOf<T>({ isWide, isOptional }: Column<T>): string | undefined {
  return [isWide && 'wide', isOptional && 'optional'].filter(Boolean).join(' ') || undefined;
}

function alignOf<T>({ align, sortBy }: Column<T>, rows: readonly T[]): 'left' | 'right' {
  if (align) return align;
  const row = sortBy && rows.find((item) => sortBy(item) !== undefined);
  return row && typeof sortBy(row) === 'number' ? 'right' : 'left';
}

/** A parameter such as `-p95` sorts by p95, highest first. Unknown columns are ignored. */
function readOrder<T>(
  parameter: string | undefined,
  columns: readonly Column<T>[],
): Order | undefined {
  if (parameter === undefined) return undefined;
  const isDescending = parameter.startsWith('-');
  const id = isDescending ? parameter.slice(1) : parameter;
  return columns.some((column) => column.id === id && column.sortBy)
    ? { id, isDescending }
    : undefined;
}

/** Without an order, keeps the order of the rows. Missing values are last. */
function sortRows<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  order: Order | undefined,
): readonly T[] {
  const sortBy = columns.find(({ id }) => id === order?.id)?.sortBy;
  if (!order || !sortBy) return rows;
  const sign = order.isDescending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [sortBy(a), sortBy(b)];
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined);
    return (
      sign *
      (typeof left === 'number' && typeof right === 'number'
        ? left - right
        : String(left).localeCompare(String(right)))
    );
  });
}

interface Slice {
  readonly start: number;
  readonly end: number;
  /** Heights of the rows that are not drawn, in px. */
  readonly before: number;
  readonly after: number;
}

function useVisibleRows(
  scroller: { readonly current: HTMLDivElement | null },
  count: number,
  isVirtual: boolean,
): Slice {
  const [, redraw] = useState(0);
  const virtualizer = useRef<Virtualizer<HTMLDivElement, Element> | undefined>(undefined);
  if (isVirtual) {
    const options = {
      count,
      getScrollElement: () => scroller.current,
      estimateSize: () => ROW_HEIGHT,
      overscan: OVERSCAN,
      scrollMargin: HEAD_HEIGHT,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => redraw((value) => value + 1),
      initialRect: { width: 1000, height: 800 },
    };
    if (virtualizer.current) virtualizer.current.setOptions(options);
    else virtualizer.current = new Virtualizer(options);
  }
  useEffect(() => (isVirtual ? virtualizer.current?._didMount() : undefined), [isVirtual]);
  useEffect(() => {
    if (isVirtual) virtualizer.current?._willUpdate();
  });
  if (!isVirtual) return { start: 0, end: count, before: 0, after: 0 };
  const items = virtualizer.current!.getVirtualItems();
  const start = items[0]?.index ?? 0;
  const end = (items.at(-1)?.index ?? -1) + 1;
  return { start, end, before: start * ROW_HEIGHT, after: (count - end) * ROW_HEIGHT };
}
