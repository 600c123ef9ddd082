#!/usr/bin/env node
// Opens a report.html in headless Chromium as people do: light and dark, on a phone and on a wide
// screen, by keyboard and on paper. Writes screenshots to look at, and fails if the page reports an
// error, asks for anything beside itself, is wider than the screen, leaves a heatmap undrawn or
// sorts wrongly.
//   node tools/check_report.mjs runs/demo/report.html screenshots
// Needs Node 18 and chromium (or the program that CHROMIUM names).
import { spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [file, folder = 'screenshots'] = process.argv.slice(2);
if (!file) {
  console.error('usage: check_report.mjs report.html [folder for screenshots]');
  process.exit(64);
}
mkdirSync(folder, { recursive: true });
const problems = [];
const expect = (holds, text) => { if (!holds) problems.push(text); };

// MARK: Chromium by its debugging pipe: messages that end with a zero byte.

const profile = mkdtempSync(join(tmpdir(), 'check-report-'));
const browser = spawn(process.env.CHROMIUM ?? 'chromium', [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run',
  '--remote-debugging-pipe', `--user-data-dir=${profile}`,
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
browser.on('error', error => { console.error(`Chromium cannot be started: ${error}`); process.exit(2); });
const waiting = new Map(), listeners = [];
let buffer = '', number = 0;
browser.stdio[4].on('data', data => {
  buffer += data;
  for (let end; (end = buffer.indexOf('\0')) >= 0;) {
    const message = JSON.parse(buffer.slice(0, end));
    buffer = buffer.slice(end + 1);
    if (message.id) {
      const { done, fail, method } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) fail(new Error(`${method}: ${message.error.message}`));
      else done(message.result);
    } else listeners.forEach(listener => listener(message));
  }
});
let session;
function send(method, params = {}) {
  number += 1;
  const message = { id: number, method, params, ...(session && { sessionId: session }) };
  browser.stdio[3].write(JSON.stringify(message) + '\0');
  return new Promise((done, fail) => waiting.set(message.id, { done, fail, method }));
}
const event = name => new Promise(done => {
  const listener = message => {
    if (message.method !== name) return;
    listeners.splice(listeners.indexOf(listener), 1);
    done(message.params);
  };
  listeners.push(listener);
});
async function evaluate(expression) {
  const { result, exceptionDetails } = await send('Runtime.evaluate',
    { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? expression);
  return result.value;
}
async function key(name, code) {
  for (const type of ['keyDown', 'keyUp']) {
    await send('Input.dispatchKeyEvent', { type, key: name, code: name, windowsVirtualKeyCode: code });
  }
}
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

// MARK: The page.

const address = pathToFileURL(resolve(file)).href;
listeners.push(({ method, params }) => {
  if (method === 'Runtime.exceptionThrown') problems.push(`exception: ${params.exceptionDetails.text}`);
  if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) {
    problems.push(`console: ${params.args.map(argument => argument.value).join(' ')}`);
  }
  if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level)) {
    problems.push(`log: ${params.entry.text}`);
  }
  if (method === 'Network.requestWillBeSent') {
    const url = params.request.url;
    if (url !== address && !url.startsWith('data:')) problems.push(`asks for ${url}`);
  }
});

async function show(name, { width, height, dark = false, mobile = false }) {
  await send('Emulation.setDeviceMetricsOverride',
    { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
  await send('Emulation.setEmulatedMedia', { media: 'screen',
    features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  const loaded = event('Page.loadEventFired');
  await send('Page.navigate', { url: address });
  await loaded;
  const overflow = await evaluate('document.documentElement.scrollWidth - innerWidth');
  expect(overflow <= 0, `${name}: ${overflow} pixels wider than the screen`);
}

async function shoot(name, whole = true) {
  const { data } = await send('Page.captureScreenshot',
    { format: 'png', captureBeyondViewport: whole });
  writeFileSync(join(folder, `${name}.png`), Buffer.from(data, 'base64'));
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
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  ({ sessionId: session } = await send('Target.attachToTarget', { targetId, flatten: true }));
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await send(`${domain}.enable`);

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

const limit = setTimeout(() => { console.error('no answer for ten minutes'); end(1); }, 600_000);
function end(status) {
  clearTimeout(limit);
  browser.once('exit', () => {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    process.exit(status);
  });
  browser.kill();
}
try {
  await main();
  problems.forEach(problem => console.error(problem));
  console.log(problems.length === 0 ? `${file}: good` : `${file}: ${problems.length} problems`);
  end(problems.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error.message);
  end(1);
}
