#!/usr/bin/env node
// Opens a report.html in headless Chromium as people do: light and dark, on a phone and on a wide
// screen, by keyboard and on paper. Writes screenshots to look at, and fails if the page reports an
// error, asks for anything beside itself, is wider than the screen, leaves a heatmap undrawn or
// sorts wrongly.
//   node tools/check_report.mjs runs/demo/report.html screenshots
// Needs Node 18 and chromium (or the program that CHROMIUM names).
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Browser } from './chromium.mjs';

const [file, folder = 'screenshots'] = process.argv.slice(2);
if (!file) {
  console.error('usage: check_report.mjs report.html [folder for screenshots]');
  process.exit(64);
}
mkdirSync(folder, { recursive: true });
const address = pathToFileURL(resolve(file)).href;
const browser = new Browser(address);
const { problems } = browser;
const expect = browser.expect.bind(browser), send = browser.send.bind(browser);
const evaluate = browser.evaluate.bind(browser), key = browser.key.bind(browser);
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function show(name, { width, height, dark = false, mobile = false }) {
  await send('Emulation.setDeviceMetricsOverride',
    { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
  await send('Emulation.setEmulatedMedia', { media: 'screen',
    features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  await browser.open();
  const overflow = await evaluate('document.documentElement.scrollWidth - innerWidth');
  expect(overflow <= 0, `${name}: ${overflow} pixels wider than the screen`);
}

async function shoot(name, whole = true) {
  writeFileSync(join(folder, `${name}.png`), await browser.picture(whole));
}

/// Comes by every card, as a reader does.
const scroll = () => evaluate(`(async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += 0.9 * innerHeight) {
    scrollTo(0, y);
    // Two frames, however long they take: what comes into sight is noticed between them.
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  }
  scrollTo(0, 0);
})()`);

async function main() {
  const size = statSync(file).size;
  expect(size < 8e6, `${size} bytes, expected less than 8 MB`);
  const views = [
    ['light', { width: 1280, height: 900 }], ['dark', { width: 1280, height: 900, dark: true }],
    ['wide', { width: 2200, height: 1300 }], ['phone', { width: 375, height: 740, mobile: true }],
    ['phone-dark', { width: 375, height: 740, mobile: true, dark: true }],
  ];
  const hasGallery = async () => evaluate(`document.getElementById('gallery') !== null`);
  for (const [name, view] of views) {
    await show(name, view);
    await shoot(`${name}-top`, false);
    if (!await hasGallery()) continue;
    await scroll();
    const drawn = await evaluate(`Array.from(document.querySelectorAll('canvas')).filter(canvas =>
      canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
        .some((value, index) => index % 4 === 3 && value > 0)).length`);
    const all = await evaluate(`document.querySelectorAll('canvas').length`);
    expect(drawn === all, `${name}: ${drawn} of ${all} heatmaps are drawn`);
    await evaluate(`document.getElementById('gallery').scrollIntoView()`);
    await shoot(`${name}-gallery`, false);
  }

  if (await hasGallery()) {
    await show('light', views[0][1]);
    await keyboard();
    await sorting();
  }
  // On paper as it is opened, heatmaps that nobody has scrolled to included.
  await show('print', views[0][1]);
  await send('Emulation.setEmulatedMedia', { media: '' });
  const { data } = await send('Page.printToPDF', { printBackground: false });
  writeFileSync(join(folder, 'print.pdf'), Buffer.from(data, 'base64'));
}

/// Everything that a mouse can do.
async function keyboard() {
  const focused = () => evaluate(`(e => e.name || e.getAttribute('href') || e.className || e.tagName)
    (document.activeElement)`);
  const seen = [];
  for (let count = 0; count < 40; count += 1) {
    await key('Tab', 9);
    const name = await focused();
    seen.push(name);
    if (name === 'mode') break;
  }
  expect(seen.includes('#gallery') && seen.at(-1) === 'mode',
    `Tab does not lead to the links and the gallery's controls: ${seen.join(', ')}`);
  for (const mode of ['slider', 'original', 'manipulated']) {
    await key('ArrowDown', 40);
    const found = await evaluate(`document.getElementById('gallery').dataset.mode`);
    expect(found === mode, `arrow keys: ${found}, expected ${mode}`);
    await evaluate(`document.getElementById('gallery').scrollIntoView()`);
    await pause(200);
    if (mode === 'slider') {
      await evaluate(`document.querySelector('.wipe input').focus()`);
      for (let count = 0; count < 20; count += 1) await key('ArrowRight', 39);
      const wipe = await evaluate(
        `document.querySelector('.pair').style.getPropertyValue('--wipe')`);
      expect(wipe === '70%', `the slider is at ${wipe}, expected 70%`);
      await shoot('slider', false);
      await evaluate(`document.querySelector('input[value=slider]').focus()`);
    }
  }
  await key('Tab', 9);
  await key('Home', 36);
  const opacity = await evaluate(
    `getComputedStyle(document.querySelector('canvas')).opacity`);
  expect(opacity === '0', `opacity is ${opacity} at the slider's start`);
}

async function sorting() {
  const order = name => evaluate(`(() => {
    const form = document.querySelector('.toolbar');
    form.elements.order.value = '${name}';
    form.elements.order.dispatchEvent(new Event('input', { bubbles: true }));
    const number = text => text === '' ? null : Number(text);
    return Array.from(document.querySelectorAll('.card')).map(card => ({
      order: number(card.dataset.order), fooled: number(card.dataset.fooled.split(' ')[0]),
      lost: number(card.dataset.lost), label: card.dataset.label,
    }));
  })()`);
  const isSorted = (cards, before) =>
    cards.every((card, index) => index === 0 || before(cards[index - 1], card));
  // Images that another run has tested come last.
  const by = (name, before) => (a, b) =>
    b[name] === null || a[name] !== null && before(a[name], b[name]);
  expect(isSorted(await order('most'), by('fooled', (a, b) => a >= b)), 'most fooled first is not');
  await shoot('most-fooled', false);
  expect(isSorted(await order('least'), by('fooled', (a, b) => a <= b)), 'least fooled first is not');
  expect(isSorted(await order('confidence'), by('lost', (a, b) => a >= b)), 'loss of confidence');
  expect(isSorted(await order('label'), (a, b) => a.label.localeCompare(b.label) <= 0), 'by class');
  expect(isSorted(await order('data'), (a, b) => a.order < b.order), 'as in the data');
}

await browser.run(main, file);
