#!/usr/bin/env node
// Watches a run in headless Chromium by the address that "trompe report RUN --serve" prints, until its report
// is there. Writes screenshots to look at, in the dark and on a telephone too, and fails if the page reports
// an error, asks for anything beside itself, is wider than the screen, or does not change as the run goes on.
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

async function setScreen(width, height, scheme) {
  await browser.send('Emulation.setDeviceMetricsOverride',
    { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  await browser.send('Emulation.setEmulatedMedia',
    { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await pause(300);
}

async function expectToFit(screen) {
  const overflow = await browser.evaluate('document.documentElement.scrollWidth - innerWidth');
  browser.expect(overflow <= 0, `${overflow} pixels wider than ${screen}`);
}

async function lookElsewhere() {
  const backgrounds = new Set();
  for (const [name, width, height] of [['desktop', 1280, 900], ['telephone', 390, 844]]) {
    for (const scheme of ['light', 'dark']) {
      await setScreen(width, height, scheme);
      await expectToFit(`a ${name}`);
      backgrounds.add(await browser.evaluate('getComputedStyle(document.body).backgroundColor'));
      await shoot(`live-${name}-${scheme}`);
    }
  }
  browser.expect(backgrounds.size === 2, `the page has the background ${[...backgrounds]} in light and dark`);
  await setScreen(1280, 900, 'light');
}

async function main() {
  const seen = { progress: new Set(), heatmaps: new Set() };
  await browser.open();
  await setScreen(1280, 900, 'light');
  browser.expect(await isLive(), 'the run is finished already: nothing is live');
  let [pictures, looked] = [0, false];
  // Ten minutes at most.
  for (let count = 0; count < 1200 && await isLive(); count += 1) {
    const [progress, heatmaps] = [await text('progress'), (await text('heatmaps')).split('\n')[0]];
    if (progress && !seen.heatmaps.has(heatmaps)) {
      pictures += 1;
      await shoot(`live-${pictures}`);
      if (!looked && heatmaps.includes('after step')) {
        looked = true;
        await lookElsewhere();
      }
    }
    if (progress) seen.progress.add(progress);
    if (heatmaps) seen.heatmaps.add(heatmaps);
    await expectToFit('a desktop');
    await pause(500);
  }
  console.log(`seen: ${[...seen.progress].join(' | ')}`);
  console.log(`seen: ${[...seen.heatmaps].join(' | ')}`);
  browser.expect(looked, 'no heatmaps came while the run went on');
  browser.expect(seen.progress.size > 1, 'the page has not changed while the run went on');
  browser.expect(!await isLive(), 'the report has not come in ten minutes');
  await pause(1000);
  await shoot('report');
}

await browser.run(main, address);
