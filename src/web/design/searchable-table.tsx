import { useMemo } from 'preact/hooks';
import { getParameter, setParameters } from '../url/view-state.ts';
import { EmptyState } from './states.tsx';
import { Table, type TableProps } from './table.tsx';

export interface SearchableTableProps<T> extends TableProps<T> {
  /** Text of a row in which the search looks. */
  readonly searchText: (row: T) => string;
  /** Parameter of the URL that contains the searched text. @default search */
  readonly searchParameter?: string;
}

/** A table with a field that hides the rows without the searched words. */
export function SearchableTable<T>(props: SearchableTableProps<T>) {
  const { rows, searchText, searchParameter = 'search', label } = props;
  const search = getParameter(searchParameter) ?? '';
  const found = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return rows;
    return rows.filter((row) => {
      const text = searchText(row).toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }, [rows, search]);
  return (
    <>
      <input
        class="input"
        type="search"
        style={{ maxWidth: '320px', marginBottom: '8px' }}
        placeholder={`Search ${label.toLowerCase()}`}
        aria-label={`Search ${label.toLowerCase()}`}
        value={search}
        onInput={(event) =>
          setParameters({ [searchParameter]: event.currentTarget.value }, { replace: true })
        }
      />
      <Table
        {...props}
        rows={found}
        empty={
          rows.length > 0 ? (
            <EmptyState title="No match">
              No row contains all these words. Change or clear the search.
            </EmptyState>
          ) : (
            props.empty
          )
        }
      />
    </>
  );
}
