// A handler that is an ES module, in a folder.
import { get } from '../handlers.cjs';

export const api = { get };
