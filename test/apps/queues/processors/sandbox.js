export { default } from './sandbox.cjs';
