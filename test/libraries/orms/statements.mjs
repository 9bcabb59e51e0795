import run from '../../apps/orm-statements.cjs';

await run((name) => import(name));
