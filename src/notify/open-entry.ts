import { openChannel } from './channels/open.ts';
import type { OpenChannel } from './opener.ts';

/** Opens the channels that speak to the world outside. */
export const openEntry: OpenChannel = (entry, to) => openChannel(entry, { to });
