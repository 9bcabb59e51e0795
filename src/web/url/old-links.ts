import { currentLocation, navigate } from './location.ts';
import { linkTo } from './view-state.ts';

/** Messages of earlier versions link to `/?alert=ID`. */
export function redirectOldLinks(): void {
  const { path, parameters } = currentLocation.value;
  const alert = parameters.get('alert');
  if (path === '/' && alert)
    navigate(linkTo(`/alerts/${encodeURIComponent(alert)}`), { replace: true });
}
