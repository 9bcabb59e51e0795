import { render } from 'preact';
import { startLiveUpdates } from './api/live.ts';
import { loadCaller } from './api/session.ts';
import { App } from './shell/app.tsx';
import { redirectOldLinks } from './url/old-links.ts';

redirectOldLinks();
render(<App />, document.getElementById('app')!);
startLiveUpdates();
await loadCaller();
