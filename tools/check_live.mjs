#!/usr/bin/env node
// Watches a run in headless Chromium by the address that "trompe report RUN --serve" prints, until its report
// is there. Writes screenshots to look at, and fails if the page reports an error, asks for anything beside
// itself, is wider than the screen, or does not change as the run goes on.
//   node tools/check_live.mjs http://127.0.0.1:40000/…/ screenshots
// Needs Node 18 and chromium (or the program that CHROMIUM names).
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './chromium.mjs';

const [address, folder = 'screenshots'] = process.argv.slice(2);
if (!address) {
  console.error('usage: check_live.mjs address [folder for screenshots]');
  process.exit(64);
}
mkdirSync(folder, { recursive: true });
const browser = new Browser(address);
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));
const text = id => browser.evaluate(`document.getElementById('${id}')?.innerText ?? ''`);
const isLive = () => browser.evaluate(`document.body?.classList.contains('live') ?? true`);

async function shoot(name) { writeFileSync(join(folder, `${name}.png`), await browser.picture()); }

async function main() {
  const seen = { progress: new Set(), heatmaps: new Set() };
  await browser.open();
  await browser.send('Emulation.setDeviceMetricsOverride',
    { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
  browser.expect(await isLive(), 'the run is finished already: nothing is live');
  let pictures = 0;
  // Ten minutes at most.
  for (let count = 0; count < 1200 && await isLive(); count += 1) {
    const [progress, heatmaps] = [await text('progress'), (await text('heatmaps')).split('\n')[0]];
    if (progress && !seen.heatmaps.has(heatmaps)) {
      pictures += 1;
      await shoot(`live-${pictures}`);
    }
    if (progress) seen.progress.add(progress);
    if (heatmaps) seen.heatmaps.add(heatmaps);
    const overflow = await browser.evaluate('document.documentElement.scrollWidth - innerWidth');
    browser.expect(overflow <= 0, `${overflow} pixels wider than the screen`);
    await pause(500);
  }
  console.log(`seen: ${[...seen.progress].join(' | ')}`);
  console.log(`seen: ${[...seen.heatmaps].join(' | ')}`);
  browser.expect(seen.progress.size > 1, 'the page has not changed while the run went on');
  browser.expect(!await isLive(), 'the report has not come in ten minutes');
  await pause(1000);
  await shoot('report');
}

await browser.run(main, address);
