// Headless Chromium by its debugging pipe: messages that end with a zero byte. For the checks of pages beside
// this file; needs Node 18 and chromium (or the program that CHROMIUM names).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/// One tab, which shows one address and may ask for nothing else.
export class Browser {
  /// Sentences: errors that the page reports, and what is not as expected.
  problems = [];
  #address;
  #process;
  #profile = mkdtempSync(join(tmpdir(), 'check-page-'));
  #waiting = new Map();
  #listeners = [];
  #number = 0;
  #session;

  constructor(address) {
    this.#address = address;
    this.#process = spawn(process.env.CHROMIUM ?? 'chromium', [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run',
      '--remote-debugging-pipe', `--user-data-dir=${this.#profile}`,
    ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.#process.on('error', error => {
      console.error(`Chromium cannot be started: ${error}`);
      process.exit(2);
    });
    let buffer = '';
    this.#process.stdio[4].on('data', data => {
      buffer += data;
      for (let end; (end = buffer.indexOf('\0')) >= 0;) {
        const message = JSON.parse(buffer.slice(0, end));
        buffer = buffer.slice(end + 1);
        this.#take(message);
      }
    });
  }

  #take(message) {
    if (!message.id) {
      this.#watch(message);
      for (const listener of [...this.#listeners]) listener(message);
      return;
    }
    const { done, fail, method } = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) fail(new Error(`${method}: ${message.error.message}`));
    else done(message.result);
  }

  #watch({ method, params }) {
    const { problems } = this;
    if (method === 'Runtime.exceptionThrown') problems.push(`exception: ${params.exceptionDetails.text}`);
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) {
      problems.push(`console: ${params.args.map(argument => argument.value).join(' ')}`);
    }
    if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level)) {
      problems.push(`log: ${params.entry.text}`);
    }
    if (method === 'Network.requestWillBeSent') {
      const url = params.request.url;
      if (url !== this.#address && !url.startsWith('data:')) problems.push(`asks for ${url}`);
    }
  }

  expect(holds, text) { if (!holds) this.problems.push(text); }

  send(method, params = {}) {
    this.#number += 1;
    const message = {
      id: this.#number, method, params, ...(this.#session && { sessionId: this.#session }),
    };
    this.#process.stdio[3].write(JSON.stringify(message) + '\0');
    return new Promise((done, fail) => this.#waiting.set(message.id, { done, fail, method }));
  }

  #event(name) {
    return new Promise(done => {
      const listener = message => {
        if (message.method !== name) return;
        this.#listeners.splice(this.#listeners.indexOf(listener), 1);
        done(message.params);
      };
      this.#listeners.push(listener);
    });
  }

  async #attach() {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    ({ sessionId: this.#session } =
      await this.send('Target.attachToTarget', { targetId, flatten: true }));
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.send(`${domain}.enable`);
  }

  /// Goes to the address.
  async open() {
    const loaded = this.#event('Page.loadEventFired');
    await this.send('Page.navigate', { url: this.#address });
    await loaded;
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? expression);
    return result.value;
  }

  async key(name, code) {
    for (const type of ['keyDown', 'keyUp']) {
      await this.send('Input.dispatchKeyEvent',
        { type, key: name, code: name, windowsVirtualKeyCode: code });
    }
  }

  /// A picture of what is in sight, or of the whole page, as PNG.
  async picture(whole = true) {
    const { data } = await this.send('Page.captureScreenshot',
      { format: 'png', captureBeyondViewport: whole });
    return Buffer.from(data, 'base64');
  }

  /// Ends the program: with 0 if `check` has found no problem.
  async run(check, name) {
    const limit = setTimeout(() => { console.error('no answer for ten minutes'); end(1); }, 600_000);
    const end = status => {
      clearTimeout(limit);
      this.#process.once('exit', () => {
        rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
        process.exit(status);
      });
      this.#process.kill();
    };
    try {
      await this.#attach();
      await check();
      const count = this.problems.length;
      this.problems.forEach(problem => console.error(problem));
      console.log(count === 0 ? `${name}: good` : `${name}: ${count} problems`);
      end(count === 0 ? 0 : 1);
    } catch (error) {
      console.error(error.message);
      end(1);
    }
  }
}
