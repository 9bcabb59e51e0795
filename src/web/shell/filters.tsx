import { caller } from '../api/session.ts';
import { FilterMenu } from '../data/filter-menu.tsx';
import { globalFilters } from '../url/view-state.ts';

/** Menus for the filters that apply to every view. Callers of one organization don't see its filter. */
export function FilterMenus() {
  const isLimited = Boolean(caller.value?.organizationId);
  return (
    <>
      <FilterMenu dimension="environment" label="Environment" />
      {!isLimited && (
        <FilterMenu dimension="organizationId" label="Tenant" clears={['propertyId']} />
      )}
      {(isLimited || globalFilters.value.organizationId) && (
        <FilterMenu dimension="propertyId" label="Property" />
      )}
    </>
  );
}
