import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { Menu } from '../design/controls.tsx';
import { formatText } from '../format/quantities.ts';
import { getParameters, setParameters } from '../url/view-state.ts';

type Dimension = ApiResponse<'values'>['dimension'];

export interface FilterMenuProps {
  /** Dimension, which is also the parameter of the URL. */
  readonly dimension: Dimension;
  readonly label: string;
  /** Parameters of the URL that choosing a value removes. */
  readonly clears?: readonly string[];
}

const MAX_OPTIONS = 50;
const SEARCH_FROM = 8;

/** A menu with the values of a dimension in the range of the page. */
export function FilterMenu(props: FilterMenuProps) {
  const current = getParameters(props.dimension);
  return (
    <Menu
      label={
        <>
          <span class="label">{props.label}</span>{' '}
          <b class="name">{current.length === 0 ? 'All' : current.join(', ')}</b>
        </>
      }
    >
      {(close) => <FilterOptions {...props} current={current} close={close} />}
    </Menu>
  );
}

interface FilterOptionsProps extends FilterMenuProps {
  readonly current: readonly string[];
  readonly close: () => void;
}

function FilterOptions({ dimension, clears = [], current, close }: FilterOptionsProps) {
  const [search, setSearch] = useState('');
  const { [dimension as 'environment']: _own, ...others } = rangeQuery.value;
  const { data } = useApi('values', {
    ...others,
    dimension,
    limit: MAX_OPTIONS,
    ...(search && { search }),
  });
  const choose = (value: string | undefined) => {
    const cleared = Object.fromEntries(clears.map((name) => [name, undefined]));
    setParameters({ ...cleared, [dimension]: value });
    close();
  };
  const values = data?.values ?? [];
  return (
    <>
      {(values.length >= SEARCH_FROM || search) && (
        <input
          class="input"
          type="search"
          placeholder="Search"
          aria-label="Search"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <button
        type="button"
        class="option"
        aria-pressed={current.length === 0}
        onClick={() => choose(undefined)}
      >
        All
      </button>
      {values.map(({ value, count }) => (
        <button
          key={value}
          type="button"
          class="option"
          aria-pressed={current.includes(value)}
          onClick={() => choose(value)}
        >
          <span class="name truncate">{value}</span>
          <span class="faint">{formatText(count)}</span>
        </button>
      ))}
      {data && values.length === 0 && <p class="faint">No values in this range.</p>}
    </>
  );
}
