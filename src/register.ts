// `node --import perfscope/register app.js` and `node --require perfscope/register app.js` instrument the application.
import { registerAgent } from './agent/register-agent.ts';

registerAgent();
