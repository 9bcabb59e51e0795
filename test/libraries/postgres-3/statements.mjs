import postgres from 'postgres';
import run from '../../apps/postgres-js-statements.cjs';

await run(postgres);
