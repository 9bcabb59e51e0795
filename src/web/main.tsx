import { render } from 'preact';
import { startLiveUpdates } from './api/live.ts';
import { loadCaller } from './api/session.ts';
import { App } from './shell/app.tsx';
import { currentLocation } from './url/location.ts';
import { redirectOldLinks } from './url/old-links.ts';
import { preloadView } from './views/routes.ts';

redirectOldLinks();
const preloading = preloadView(currentLocation.value.path);
render(<App />, document.getElementById('app')!);
startLiveUpdates();
await Promise.all([loadCaller(), preloading]);
