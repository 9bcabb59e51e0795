// Runs before each test file: all fast-check properties start with the seed that vitest.config.ts chose.
import fc from 'fast-check';
import { chooseSeed } from './random-seed.ts';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: chooseSeed(process.env) });
