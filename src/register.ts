// `node --import perfscope/register app.js` instruments the application.
import { registerAgent } from './agent/register-agent.ts';

await registerAgent();
