import { render } from 'preact';
import { startLiveUpdates } from './api/live.ts';
import { loadCaller } from './api/session.ts';
import { App } from './shell/app.tsx';
import { currentLocation } from './url/location.ts';
import { redirectOldLinks } from './url/old-links.ts';
import { findRoute } from './views/routes.ts';

redirectOldLinks();
// Loads the view and its first answers while the server checks the key. The app reports errors.
findRoute(currentLocation.value.path)
  ?.route.load()
  .then(({ preload }) => preload?.())
  .catch(() => undefined);
render(<App />, document.getElementById('app')!);
startLiveUpdates();
await loadCaller();
