import * as undici from 'undici';
import clients from '../outgoing/clients.cjs';
import exercise from '../outgoing/exercise.cjs';

await exercise(clients.createUndici(undici));
