// SPDX-License-Identifier: MIT
//
// Opens pages in Chromium and tries what a person would: node browser.mjs PACKAGES PAGE
// KIND [SCREENSHOTS]. PACKAGES is the node_modules with playwright-core and axe-core, KIND
// run, lacking, evaluation or bench. Prints what is wrong, a line each; nothing if all is well.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [, , packages, file, kind, screenshots] = process.argv;
const require = createRequire(resolve(packages, 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const wrong = [];

function check(ok, text) {
    if (!ok)
        wrong.push(text);
}

const near = (a, b) => Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(b));

async function open(browser, options) {
    const page = await browser.newPage(options);
    page.on('console', m => wrong.push(`console: ${m.text()}`));
    page.on('pageerror', e => wrong.push(`error: ${e.message}`));
    page.on('request', r => check(/^(file|data):/.test(r.url()), `request: ${r.url()}`));
    await page.goto('file://' + resolve(file));
    await page.waitForTimeout(300);
    return page;
}

async function checkAccessibility(page, where) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const v of violations.filter(v => ['serious', 'critical'].includes(v.impact)))
        wrong.push(`axe, ${where}: ${v.id}: ${v.help}: ${v.nodes[0].html.slice(0, 200)}`);
}

// ---------------------------------------------------------------------------

const cut = page => page.evaluate(() =>
    parseFloat(getComputedStyle(document.querySelector('.stage .left')).clipPath.match(/calc\(([\d.]+)%/)?.[1] ??
        getComputedStyle(document.querySelector('.stage .left')).clipPath.split(' ')[1]));

async function checkDivider(page) {
    const divider = page.locator('.stage input');
    const before = await cut(page);
    await divider.focus();
    for (let i = 0; i < 10; i++)
        await page.keyboard.press('ArrowRight');
    const after = await cut(page);
    check(after < before - 3, `the divider does not follow the keyboard: ${before}, ${after}`);
    const box = await page.locator('.stage').boundingBox();
    await page.mouse.move(box.x + box.width * 0.55, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    const dragged = await cut(page);
    check(dragged > 70, `the divider does not follow the mouse: ${dragged}`);
    await page.getByRole('button', { name: 'input | output' }).click();
    check(await page.locator('.stage .left').getAttribute('alt').then(t => t.startsWith('input of ')),
        'the divider does not compare what was chosen');
    await page.getByRole('button', { name: 'output | target' }).click();
}

// Of the small images, in their order. Those without a score are the last, which is checked
// here.
async function values(page) {
    const texts = await page.locator('.thumbs button').evaluateAll(all => all.map(b => b.textContent));
    const some = texts.filter(t => t !== '–');
    check(texts.slice(some.length).every(t => t === '–'), 'what has no score is not last');
    values.missing = texts.length - some.length;
    return some.map(t => t === '∞' ? Infinity : parseFloat(t));
}

async function checkSort(page) {
    const data = await page.evaluate(() => JSON.parse(document.getElementById('gallery-data').textContent));
    const pairs = data.shown.length;
    const l1 = await values(page);
    check(l1.length + values.missing === pairs, `${l1.length} small images, not ${pairs}`);
    check(l1.every((v, i) => i === 0 || v <= l1[i - 1]), `the worst L1 is not first: ${l1.slice(0, 5)}`);
    await page.locator('select').selectOption('psnr');
    const psnr = await values(page);
    check(psnr.every((v, i) => i === 0 || v >= psnr[i - 1]), `the worst PSNR is not first: ${psnr.slice(0, 5)}`);
    const first = await page.locator('.pair h3').textContent();
    await page.getByRole('button', { name: 'worst first' }).click();
    const best = await values(page);
    check(best.every((v, i) => i === 0 || v <= best[i - 1]), 'the best PSNR is not first');
    check(await page.locator('.pair h3').textContent() !== first, 'the first pair is not shown');
    await page.locator('.thumbs [aria-current]').focus();
    await page.keyboard.press('End');
    const last = await page.locator('.thumbs button').last().getAttribute('data-name');
    check(await page.locator('.pair h3').textContent() === last, 'End does not show the last pair');
    if (data.shown.some(p => p.worst)) {
        await page.getByRole('button', { name: '50 worst' }).click();
        check((await values(page)).length === 50, 'the 50 worst are not 50');
        await page.getByRole('button', { name: 'all', exact: true }).click();
    }
}

const ranges = page => page.evaluate(() => [...document.querySelectorAll('.plot')].map(p => {
    const { min, max } = p.chart.scales.x;
    return [min, max];
}));

async function checkZoom(page) {
    const whole = await ranges(page);
    check(whole.length >= 4, `only ${whole.length} charts`);
    const over = page.locator('.plot .u-over').first();
    await over.scrollIntoViewIfNeeded();
    const box = await over.boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
    await page.mouse.up();
    const part = await ranges(page);
    const length = r => r[1] - r[0];
    check(near(length(part[0]) / length(whole[0]), 0.3) ||
        Math.abs(length(part[0]) / length(whole[0]) - 0.3) < 0.03, `a drag shows ${part[0]} of ${whole[0]}`);
    check(part.every(r => near(r[0], part[0][0]) && near(r[1], part[0][1])), 'charts show other steps');
    await over.dblclick();
    check(near(length((await ranges(page))[0]), length(whole[0])), 'a double click does not show all');
    await page.locator('.plot').first().focus();
    await page.keyboard.press('+');
    check(Math.abs(length((await ranges(page))[0]) / length(whole[0]) - 0.5) < 0.03, '+ does not zoom');
    await page.keyboard.press('0');
    check(near(length((await ranges(page))[0]), length(whole[0])), '0 does not show all');
    // Without a mouse or a keyboard: to the end, and back to the first steps.
    const press = name => page.getByRole('button', { name, exact: true }).click();
    for (const name of ['Zoom in', 'Later', 'Later', 'Later'])
        await press(name);
    check(near((await ranges(page))[0][1], whole[0][1]), 'buttons do not lead to the last steps');
    for (let i = 0; i < 4; i++)
        await press('Earlier');
    check(near((await ranges(page))[0][0], whole[0][0]), 'buttons do not lead to the first steps');
    await press('All steps');
    const data = () => page.evaluate(() => {
        const d = document.querySelector('.plot').chart.data;
        return [1, 2].map(i => Math.max(...d[i].filter(v => v != null)));
    });
    const [raw, smooth] = await data();
    check(raw > 99 && smooth < raw, `the largest value is lost or not smoothed: ${raw}, ${smooth}`);
    await page.getByLabel('Smoothing').fill('0');
    check(near((await data())[1], raw), 'without smoothing the curve is not that of the numbers');
}

async function checkTimeLine(page) {
    const range = page.getByLabel('Step of the sample grid');
    const alt = () => page.locator('.line img').getAttribute('alt');
    const last = await alt();
    await range.fill('0');
    check(await alt() !== last && (await alt()).includes('step 600:'), `the time line shows ${await alt()}`);
}

// What the run was warned of stands above the numbers.
async function checkWarnings(page) {
    const texts = await page.locator('.warnings li').allTextContents();
    check(texts.length === 1 && texts[0].startsWith('Step 2,000: the discriminator has won </script>'),
        `the warnings are ${texts}`);
    const top = async s => (await page.locator(s).first().boundingBox()).y;
    check(await top('.warnings') < await top('.cards'), 'the warnings are not at the head');
}

async function checkText(page) {
    check(await page.evaluate(() => window.hacked === undefined), 'a name ran as a script');
    check(await page.evaluate(() => document.querySelectorAll('b.hacked').length === 0), 'a name is markup');
    check(await page.evaluate(() => document.body.textContent.includes('<script>window.hacked')),
        'a name with a script is not shown as text');
}

// Both the numbers on top and the outputs say which outputs they are of.
async function checkOutputs(page) {
    const which = kind === 'run' ? 'newest validation' : 'newest checkpoint';
    const cards = await page.locator('.cards').textContent();
    check(cards.includes(`step of the outputs: ${which}, `) && cards.includes('mode stable'),
        `the cards do not say which outputs they are of: ${cards}`);
    const text = await page.locator('main').textContent();
    check(text.includes(`/ (${which}, step `) && text.includes('mode stable), '), 'the outputs do not say which they are');
    check(kind !== 'run' || cards.startsWith('3,007 / 3,007'), `the cards do not begin with the last step: ${cards}`);
    if (kind === 'run')
        check(/val L1 at step [\d,]+, best [\d.]+ at step [\d,]+/.test(cards), `the cards do not name steps: ${cards}`);
}

async function checkPhone(browser) {
    const page = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    check(width <= 390, `on a phone the page is ${width} pixels wide`);
    if (kind === 'run')
        await checkAccessibility(page, 'phone');
    if (screenshots)
        await page.screenshot({ path: `${screenshots}/${kind}-phone.png`, fullPage: true });
    await page.close();
}

const browser = await chromium.launch({
    executablePath: process.env.PIX_TEST_CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'],
});
try {
    // What these have of colours the other two have too.
    const schemes = ['lacking', 'evaluation'].includes(kind) && !screenshots ? ['light'] : ['light', 'dark'];
    for (const colorScheme of schemes) {
        const page = await open(browser, { viewport: { width: 1200, height: 900 }, colorScheme });
        const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        check((back === 'rgb(255, 255, 255)') === (colorScheme === 'light'), `${colorScheme}: the page is ${back}`);
        await checkAccessibility(page, colorScheme);
        if (screenshots)
            await page.screenshot({ path: `${screenshots}/${kind}-${colorScheme}.png`, fullPage: true });
        if (kind === 'lacking') {
            const text = await page.locator('main').textContent();
            for (const part of ['validation.json, are damaged', 'There are no sample grids yet', 'not recorded'])
                check(text.includes(part), `the page does not say "${part}"`);
            check(await page.locator('.plot canvas').count() >= 4, 'a single step has no curves');
            check(await page.locator('.warnings').count() === 0, 'warnings of a run without any');
        }
        if (colorScheme === 'light' && ['run', 'evaluation'].includes(kind)) {
            await checkOutputs(page);
            await checkText(page);
            await checkDivider(page);
            await checkSort(page);
        }
        if (colorScheme === 'light' && kind === 'run') {
            await checkWarnings(page);
            await checkTimeLine(page);
            await checkZoom(page);
            await page.getByRole('button', { name: 'Theme: auto' }).click();
            await page.getByRole('button', { name: 'Theme: light' }).click();
            check(await page.evaluate(() => getComputedStyle(document.body).backgroundColor) !== back,
                'the theme does not change');
        }
        await page.close();
    }
    await checkPhone(browser);
} finally {
    await browser.close();
}
console.log(wrong.join('\n'));
process.exit(wrong.length ? 1 : 0);
