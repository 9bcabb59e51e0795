import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { caller } from '../api/session.ts';
import { Menu } from '../design/controls.tsx';
import { formatText } from '../format/quantities.ts';
import { globalFilters, setParameters } from '../url/view-state.ts';

type Dimension = ApiResponse<'values'>['dimension'];

const MAX_OPTIONS = 50;
const SEARCH_FROM = 8;

/** Menus for the filters that apply to every view. Callers of one organization don't see its filter. */
export function FilterMenus() {
  return (
    <>
      <FilterMenu dimension="environment" label="Environment" />
      {!caller.value?.organizationId && <FilterMenu dimension="organizationId" label="Tenant" />}
      {(caller.value?.organizationId || globalFilters.value.organizationId) && (
        <FilterMenu dimension="propertyId" label="Property" />
      )}
    </>
  );
}

function FilterMenu({
  dimension,
  label,
}: {
  dimension: Dimension & keyof typeof globalFilters.value;
  label: string;
}) {
  const current = globalFilters.value[dimension];
  const name = current === undefined ? 'All' : current.join(', ');
  return (
    <Menu
      label={
        <>
          <span class="label">{label}</span> <b class="name">{name}</b>
        </>
      }
    >
      {(close) => <FilterOptions {...{ dimension, current, close }} />}
    </Menu>
  );
}

function FilterOptions({
  dimension,
  current,
  close,
}: {
  dimension: Dimension;
  current: readonly string[] | undefined;
  close: () => void;
}) {
  const [search, setSearch] = useState('');
  const { [dimension as 'environment']: _own, ...others } = rangeQuery.value;
  const { data } = useApi('values', {
    ...others,
    dimension,
    limit: MAX_OPTIONS,
    ...(search && { search }),
  });
  const choose = (value: string | undefined) => {
    setParameters({
      [dimension]: value,
      ...(dimension === 'organizationId' && { propertyId: undefined }),
    });
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
        aria-pressed={current === undefined}
        onClick={() => choose(undefined)}
      >
        All
      </button>
      {values.map(({ value, count }) => (
        <button
          key={value}
          type="button"
          class="option"
          aria-pressed={current?.includes(value) ?? false}
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
