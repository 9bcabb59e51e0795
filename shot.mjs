import { chromium } from 'playwright-core';
const [base, theme, width, ...paths] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: Number(width), height: 900 } });
await context.addInitScript((t) => localStorage.setItem('perfscope.theme', t), theme);
const page = await context.newPage();
page.on('console', (m) => ['error','warning'].includes(m.type()) && console.log('CONSOLE', m.text()));
page.on('pageerror', (e) => console.log('PAGEERROR', e.message, e.stack?.slice(0,600)));
page.on('response', (r) => r.status() >= 400 && console.log('HTTP', r.status(), r.url()));
for (const path of paths) {
  await page.goto(base + path);
  await page.waitForTimeout(4000);
  const name = '/tmp/wt/shot-' + (path.replace(/\W+/g, '_').slice(0,40) || 'root') + `-${theme}-${width}.png`;
  await page.screenshot({ path: name, fullPage: true });
  console.log(name);
}
await browser.close();
