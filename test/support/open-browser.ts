import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Starts the system's Chromium or Chrome without a window, with additional arguments. */
export function openBrowser(args: readonly string[] = []): Promise<Browser> {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  return chromium.launch({
    ...(executablePath ? { executablePath } : { channel: 'chrome' }),
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', ...args],
  });
}
