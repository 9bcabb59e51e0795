import { setTimeout as delay } from 'node:timers/promises';

process.on('beforeExit', () => console.log('beforeExit'));
await delay(20);
if (process.argv[2] === 'throws') throw new Error('no bed');
process.exit(Number(process.argv[2]));
