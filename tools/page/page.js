// SPDX-License-Identifier: MIT
//
// Draws pages from the data in them. A report: outputs of pairs under a divider, sample
// grids as a time line, curves, and the configuration in words. A benchmark: charts. All
// foreign text goes into the document as text, never as markup.

'use strict';

// ---------------------------------------------------------------------------
// Elements and numbers

function el(tag, attributes, ...children) {
    const e = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
        if (key.startsWith('on'))
            e.addEventListener(key.slice(2), value);
        else if (value === true)
            e.setAttribute(key, '');
        else if (value !== false && value != null)
            e.setAttribute(key, value);
    }
    e.append(...children.flat().filter(c => c != null));
    return e;
}

// What an element of data holds; undefined: there is none; null: it is damaged.
function read(id) {
    const e = document.getElementById(id);
    if (!e)
        return undefined;
    try {
        return JSON.parse(e.textContent);
    } catch {
        return null;
    }
}

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name);

function format(v) {
    if (v == null)
        return '–';
    if (v === Infinity)
        return '∞';
    const size = Math.abs(v);
    if (size !== 0 && (size < 1e-3 || size >= 1e6))
        return v.toExponential(2);
    return size >= 100 ? v.toFixed(1) : v.toPrecision(4);
}

const count = n => n.toLocaleString('en');
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
const millions = n => n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : count(n);

const metricNames = {
    l1: 'L1', mse: 'MSE', psnr: 'PSNR', ssim: 'SSIM', ms_ssim: 'MS-SSIM',
    lpips_alex: 'LPIPS (AlexNet)', lpips_squeeze: 'LPIPS (SqueezeNet)',
    lpips_vgg: 'LPIPS (VGG)',
};
const metricName = m => metricNames[m] || m;
const rises = m => ['psnr', 'ssim', 'ms_ssim'].includes(m);

function section(id, title, ...children) {
    return el('section', { 'aria-labelledby': id }, el('h2', { id }, title), ...children);
}

function note(...text) {
    return el('p', { class: 'note' }, ...text);
}

function slider(label, min, max, step, value, oninput) {
    return el('input', { type: 'range', 'aria-label': label, min, max, step, value, oninput });
}

// A row of buttons, one of which is pressed. `pick` gets its value.
function choice(label, values, chosen, pick) {
    const buttons = values.map(([value, text]) => el('button', {
        type: 'button', 'aria-pressed': String(value === chosen),
        onclick: () => {
            show(value);
            pick(value);
        },
    }, text));
    const show = value => buttons.forEach(
        (b, i) => b.setAttribute('aria-pressed', String(values[i][0] === value)));
    const e = el('div', { class: 'choice', role: 'group', 'aria-label': label }, buttons);
    e.show = show;
    return e;
}

// Small images are enlarged without smoothing.
function image(source, alt) {
    const img = el('img', { alt, draggable: 'false', decoding: 'async' });
    img.addEventListener('load', () => img.classList.toggle('small', img.naturalWidth < 200));
    img.src = source;
    return img;
}

function setImage(img, source, alt) {
    img.src = source;
    img.alt = alt;
}

// ---------------------------------------------------------------------------
// Gallery

const sides = ['input', 'output', 'target'];

function gallery(g) {
    const shown = g.shown, metrics = g.metrics;
    for (const p of shown)
        p.scores = p.scores.map(v => v === 'inf' ? Infinity : v);
    let order = [], at = 0, by = g.judge, worst = true, set = 'all';
    let left = 'output', right = 'target';

    const images = { left: image('', ''), right: image('', '') };
    images.left.classList.add('left');
    images.right.addEventListener('load', e => stage.style.setProperty(
        '--shape', String(e.target.naturalWidth / e.target.naturalHeight)));
    const tagA = el('span', { class: 'tag a' }), tagB = el('span', { class: 'tag b' });
    const divider = slider('Divider', 0, 100, 0.5, 50, () => cut());
    divider.className = 'divider';
    const stage = el('div', { class: 'stage' }, images.right, images.left,
        el('span', { class: 'cut' }), tagA, tagB, divider);
    const cut = () => {
        stage.style.setProperty('--cut', divider.value + '%');
        divider.setAttribute('aria-valuetext', `${Math.round(divider.value)} % ${left}`);
    };

    const name = el('h3'), place = el('p', { class: 'dim' });
    const trio = sides.map(side => {
        const img = image('', '');
        return { img, figure: el('figure', {}, img, el('figcaption', {}, side)) };
    });
    const scores = el('dl', { class: 'scores' });
    const thumbs = el('div', { class: 'thumbs', role: 'group', 'aria-label': 'Pairs' });
    const status = el('p', { class: 'hidden', 'aria-live': 'polite' });

    const value = (pair, metric) => pair.scores[metrics.indexOf(metric)];

    // The worst first; what has no score comes last.
    function compare(a, b) {
        if (by === 'name')
            return (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) * (worst ? 1 : -1);
        const x = value(a, by), y = value(b, by);
        if (x == null || y == null)
            return (x == null) - (y == null);
        return ((x === y ? 0 : x - y) * (rises(by) ? 1 : -1) || a.index - b.index) * (worst ? 1 : -1);
    }

    // Makes the list again, and shows its first pair.
    function sort() {
        order = shown.filter(p => set === 'all' || (set === 'worst') === p.worst).sort(compare);
        thumbs.replaceChildren(...order.map((p, i) => {
            const text = by === 'name' ? p.name : format(value(p, by));
            const img = image(p.output, '');
            img.loading = 'lazy';
            return el('button', {
                type: 'button', tabindex: -1, 'data-name': p.name,
                'aria-label': `${p.name}, ${by === 'name' ? '' : metricName(by) + ' '}${text}`,
                onclick: () => show(i),
            }, img, text);
        }));
        show(0);
    }

    function show(i, focus) {
        const pair = order[i];
        if (!pair)
            return;
        const before = thumbs.children[at];
        if (before) {
            before.removeAttribute('aria-current');
            before.tabIndex = -1;
        }
        at = i;
        const button = thumbs.children[at];
        button.setAttribute('aria-current', 'true');
        button.tabIndex = 0;
        if (focus)
            button.focus();
        // Not scrollIntoView, which would move the page, too.
        const top = button.offsetTop - thumbs.offsetTop;
        if (top < thumbs.scrollTop || top + button.offsetHeight > thumbs.scrollTop + thumbs.clientHeight)
            thumbs.scrollTop = top - 8;
        name.textContent = pair.name;
        place.textContent = `${i + 1} of ${order.length}` +
            (pair.worst ? `, among the ${shown.filter(p => p.worst).length} worst of all` : '');
        trio.forEach((t, k) => setImage(t.img, pair[sides[k]], `${sides[k]} of ${pair.name}`));
        scores.replaceChildren(...metrics.map((m, k) => el('div', {},
            el('dt', {}, metricName(m)), el('dd', {}, format(pair.scores[k])))));
        previous.disabled = i === 0;
        next.disabled = i === order.length - 1;
        status.textContent = `${pair.name}, ${place.textContent}`;
        compareSides();
    }

    function compareSides() {
        const pair = order[at];
        setImage(images.left, pair[left], `${left} of ${pair.name}`);
        setImage(images.right, pair[right], `${right} of ${pair.name}`);
        tagA.textContent = left;
        tagB.textContent = right;
        divider.setAttribute('aria-label', `Divider between ${left} and ${right}`);
        cut();
    }

    const previous = el('button', { type: 'button', onclick: () => show(at - 1) }, '← Previous');
    const next = el('button', { type: 'button', onclick: () => show(at + 1) }, 'Next →');
    const views = [['output target', 'output | target'], ['input output', 'input | output'],
        ['input target', 'input | target'], ['difference', 'difference']];
    const view = choice('What is compared', views, views[0][0], v => {
        stage.classList.toggle('difference', v === 'difference');
        [left, right] = v === 'difference' ? ['output', 'target'] : v.split(' ');
        compareSides();
        if (v === 'difference') {
            tagA.textContent = '| output − target |';
            tagB.textContent = '';
        }
        tagB.hidden = v === 'difference';
    });

    const select = el('select', {
        onchange: e => {
            by = e.target.value;
            turned();
        },
    }, [...metrics, 'name'].map(m => el('option', { value: m, selected: m === by },
        m === 'name' ? 'name' : metricName(m))));
    const turn = el('button', {
        type: 'button',
        onclick: () => {
            worst = !worst;
            turned();
        },
    });
    const turned = () => {
        turn.textContent = by === 'name' ? (worst ? 'A to Z' : 'Z to A')
            : worst ? 'worst first' : 'best first';
        sort();
    };
    const worstCount = shown.filter(p => p.worst).length;
    const filter = worstCount > 0 && worstCount < shown.length
        ? choice('Which pairs', [['all', 'all'], ['worst', `${worstCount} worst`],
            ['spread', `${shown.length - worstCount} spread`]], 'all', v => {
            set = v;
            sort();
        }) : null;

    thumbs.addEventListener('keydown', e => {
        const columns = getComputedStyle(thumbs).gridTemplateColumns.split(' ').length;
        const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns,
            Home: -at, End: order.length - 1 - at }[e.key];
        if (step === undefined)
            return;
        e.preventDefault();
        show(Math.min(Math.max(at + step, 0), order.length - 1), true);
    });

    turned();
    return [
        el('div', { class: 'bar' }, view),
        el('div', { class: 'viewer' }, stage, el('div', { class: 'pair' }, name, place, scores,
            el('div', { class: 'trio' }, trio.map(t => t.figure)),
            el('div', { class: 'bar' }, previous, next),
            el('div', { class: 'bar' }, el('label', {}, 'Sort by', select), turn, filter), thumbs)),
        status,
    ];
}

function galleryText(g, what) {
    const some = g.shown.length < g.pairs;
    return el('p', { class: 'dim' }, what, some
        ? `, ${g.shown.length} of ${plural(g.pairs, 'pair')}: the ` +
          `${g.shown.filter(p => p.worst).length} worst by ${metricName(g.judge)}, the others ` +
          'evenly spread. '
        : `, ${plural(g.pairs, 'pair')}. `,
        'Drag the divider, or move it with the arrow keys.');
}

// ---------------------------------------------------------------------------
// Time line

function timeLine(samples) {
    let timer = 0;
    const last = samples.length - 1;
    const img = image('', '');
    const label = el('output', {});
    const range = slider('Step of the sample grid', 0, last, 1, last, () => show(+range.value));
    function show(i) {
        const s = samples[i];
        range.value = i;
        range.setAttribute('aria-valuetext', `step ${s.step}`);
        setImage(img, 'data:image/png;base64,' + s.data,
            `Sample grid after step ${s.step}: rows of input, output and target`);
        label.textContent = `step ${count(s.step)}`;
    }
    function stop() {
        clearInterval(timer);
        timer = 0;
        play.textContent = '▶ Play';
    }
    const play = el('button', {
        type: 'button',
        onclick: () => {
            if (timer)
                return stop();
            play.textContent = '❚❚ Pause';
            let i = +range.value === last ? 0 : +range.value;
            show(i);
            timer = setInterval(() => {
                if (i >= last)
                    return stop();
                show(++i);
            }, 350);
        },
    }, '▶ Play');
    range.addEventListener('pointerdown', stop);
    show(last);
    return el('div', { class: 'line' },
        el('div', { class: 'frame' },
            el('div', { class: 'columns', 'aria-hidden': 'true' }, sides.map(s => el('span', {}, s))), img),
        last > 0 ? el('div', { class: 'bar' }, play, label, el('label', { class: 'grow' }, range)) : label);
}

// ---------------------------------------------------------------------------
// Curves

const HEIGHT = 220;    // of a chart, pixels
const palette = ['--g0', '--g1', '--g2', '--g4', '--g5', '--g6'];

// A running mean that forgets: each point keeps the share `factor` of the mean before.
function smooth(values, factor) {
    let mean = 0, weight = 0;
    return values.map(v => {
        mean = factor * mean + (1 - factor) * v;
        weight = factor * weight + (1 - factor);
        return mean / weight;
    });
}

function charts(curves) {
    const all = [];
    let factor = 0.6, busy = false;

    // Smoothed lines in full colour over the numbers themselves, which are pale.
    function data(spec) {
        return uPlot.join(spec.series.flatMap(s => {
            const [x, y] = s.xy;
            return s.points || spec.exact ? [[x, y]] : [[x, y], [x, smooth(y, factor)]];
        }));
    }

    function summary(spec) {
        return spec.series.map(s => {
            const y = s.xy[1], x = s.xy[0], low = Math.min(...y), high = Math.max(...y);
            return `${s.name}: ${format(y[0])} at step ${x[0]}, ${format(y[y.length - 1])} at ` +
                `step ${x[x.length - 1]}, between ${format(low)} and ${format(high)}.`;
        }).join(' ');
    }

    function options(spec, width) {
        const axis = { stroke: () => colour('--dim'), font: '12px system-ui, sans-serif',
            grid: { stroke: () => colour('--line'), width: 1 },
            ticks: { stroke: () => colour('--line'), width: 1 } };
        const value = (u, v) => v == null ? '–' : format(v);
        const series = spec.series.flatMap((s, i) => {
            const name = palette[i % palette.length], stroke = () => colour(name);
            const line = { label: s.name, stroke, width: 2, spanGaps: true, value, points: { show: false } };
            if (s.points)
                return [{ ...line, points: { show: true, size: 6, fill: stroke } }];
            if (spec.exact)
                return [{ ...line, paths: uPlot.paths.stepped({ align: 1 }) }];
            return [{ ...line, label: s.name + ', raw', stroke: () => colour(name).trim() + '55', width: 1 },
                line];
        });
        return {
            width, height: HEIGHT, series: [{ label: 'step', value: (u, v) => v == null ? '–' : count(v) }, ...series],
            scales: { x: { time: false }, y: spec.log ? { distr: 3, log: spec.log } : spec.top ? { range: [0, spec.top] } : {} },
            axes: [{ ...axis, size: 32 }, { ...axis, size: 62,
                values: (u, ticks) => ticks.map(v => v == null ? '' : +v.toPrecision(6) + '') }],
            cursor: { sync: { key: 'steps' }, drag: { x: true, y: false } },
            hooks: {
                init: [u => u.root.querySelectorAll('.u-legend tr').forEach((row, i) => {
                    if (series[i - 1] && series[i - 1].label.endsWith(', raw'))
                        row.hidden = true;
                })],
                setScale: [(u, key) => key === 'x' && follow(u)],
            },
        };
    }

    // One range of steps for all charts.
    function follow(from) {
        if (busy)
            return;
        busy = true;
        const { min, max } = from.scales.x;
        for (const c of all)
            if (c.plot && c.plot !== from)
                c.plot.setScale('x', { min, max });
        busy = false;
    }

    const full = () => {
        const steps = Object.values(curves).flatMap(xy => [xy[0][0], xy[0][xy[0].length - 1]]);
        return { min: Math.min(...steps), max: Math.max(...steps) };
    };

    // Shows a part of the range that is `scale` times as long, moved by `shift` of it.
    function zoom(scale, shift) {
        const whole = full(), { min, max } = all[0].plot.scales.x;
        const half = Math.min((max - min) * scale, whole.max - whole.min) / 2;
        let middle = (min + max) / 2 + shift * (max - min);
        middle = Math.min(Math.max(middle, whole.min + half), whole.max - half);
        if (half > 0)
            all[0].plot.setScale('x', { min: middle - half, max: middle + half });
    }
    const reset = () => all[0].plot.setScale('x', full());

    function make(spec) {
        const plot = el('div', {
            class: 'plot', tabindex: 0, role: 'group', 'aria-label': `Chart: ${spec.title}. ${summary(spec)}`,
            onkeydown: e => {
                const act = { '+': () => zoom(0.5, 0), '=': () => zoom(0.5, 0), '-': () => zoom(2, 0),
                    ArrowLeft: () => zoom(1, -0.2), ArrowRight: () => zoom(1, 0.2), '0': reset }[e.key];
                if (!act)
                    return;
                e.preventDefault();
                act();
            },
        });
        const chart = { spec, plot: null, box: plot };
        all.push(chart);
        new ResizeObserver(() => {
            const width = Math.floor(plot.clientWidth);
            if (width === 0)
                return;
            if (chart.plot)
                return chart.plot.setSize({ width, height: HEIGHT });
            chart.plot = new uPlot(options(spec, width), data(spec), plot);
            plot.chart = chart.plot;
        }).observe(plot);
        return el('figure', { class: 'chart' }, el('figcaption', {}, spec.title), plot);
    }

    const has = name => curves[name] && curves[name][0].length > 0;
    const series = list => list.filter(([, key]) => has(key)).map(([name, key]) => (
        { name, xy: curves[key], points: key.startsWith('val_') }));
    // Single steps may seem very fast, where two of them end together: they would squeeze
    // the others together.
    function speed() {
        const list = series([['images/s', 'speed']]);
        const sorted = list.length ? [...list[0].xy[1]].sort((a, b) => a - b) : [];
        const top = 1.25 * sorted[Math.floor(0.97 * (sorted.length - 1))], most = sorted[sorted.length - 1];
        return { title: 'Speed, images per second' + (most > 1.5 * top ? ` (peaks up to ${format(most)} are cut off)` : ''),
            series: list, top: most > 1.5 * top ? top : 0 };
    }

    const specs = [
        { title: 'Adversarial losses', series: series([['D real', 'loss_d_real'], ['D fake', 'loss_d_fake'],
            ['G GAN', 'loss_g_gan'], ['gradient penalty', 'loss_d_gp']]) },
        { title: 'L1 loss of training, times lambda-l1', series: series([['G L1', 'loss_g_l1']]) },
        { title: 'Cross entropy of training, times lambda-ce', series: series([['cross entropy', 'loss_g_ce']]) },
        ...Object.keys(curves).filter(k => k.startsWith('val_')).map(k => {
            const m = k.slice(4);
            return { title: `Validation: ${metricName(m)} (${rises(m) ? 'higher' : 'lower'} is better)`,
                series: series([[metricName(m), k]]) };
        }),
        // Numbers that jump, and are not smoothed. `log` is the base of the axis.
        { title: 'Loss scales of f16', exact: true, log: 2,
            series: series([['D', 'loss_scale_d'], ['G', 'loss_scale_g']]) },
        { title: 'Updates left out so far, in f16', exact: true,
            series: series([['D', 'skipped_d'], ['G', 'skipped_g']]) },
        { title: 'Learning rate', series: series([['learning rate', 'lr']]).map(s => ({ ...s, points: s.xy[0].length < 2 })) },
        speed(),
    ].filter(s => s.series.length > 0);

    const figures = specs.map(make);
    const range = slider('Smoothing', 0, 0.99, 0.01, factor, () => {
        factor = +range.value;
        for (const c of all)
            if (c.plot)
                c.plot.setData(data(c.spec), false), c.plot.redraw(false, false);
    });
    const scale = el('button', {
        type: 'button', 'aria-pressed': 'false',
        onclick: () => {
            const log = scale.getAttribute('aria-pressed') !== 'true';
            scale.setAttribute('aria-pressed', String(log));
            for (const c of all) {
                const positive = c.spec.series.every(s => s.xy[1].every(v => v > 0));
                if (!c.plot || !positive || c.spec.exact || !c.spec.title.includes('oss'))
                    continue;
                const { min, max } = c.plot.scales.x;
                c.plot.destroy();
                c.spec.log = log ? 10 : 0;
                c.plot = c.box.chart = new uPlot(options(c.spec, Math.floor(c.box.clientWidth)),
                    data(c.spec), c.box);
                c.plot.setScale('x', { min, max });
            }
        },
    }, 'Logarithmic losses');
    document.addEventListener('theme', () => all.forEach(c => c.plot && c.plot.redraw(false, true)));
    return [
        el('div', { class: 'bar' },
            el('label', {}, 'Smoothing', range),
            el('button', { type: 'button', onclick: () => zoom(0.5, 0) }, 'Zoom in'),
            el('button', { type: 'button', onclick: () => zoom(2, 0) }, 'Zoom out'),
            el('button', { type: 'button', onclick: () => zoom(1, -0.5) }, 'Earlier'),
            el('button', { type: 'button', onclick: () => zoom(1, 0.5) }, 'Later'),
            el('button', { type: 'button', onclick: reset }, 'All steps'), scale),
        el('p', { class: 'dim' }, 'Drag over a chart to zoom; double-click shows all. With the keyboard: ' +
            '+ and − zoom, arrows move, 0 shows all. Curves have at most 1,000 points, with ' +
            'the smallest and largest value of each part.'),
        el('div', { class: 'charts' }, figures),
    ];
}

// ---------------------------------------------------------------------------
// Configuration

function facts(title, rows) {
    return el('div', {}, el('h3', {}, title), el('dl', {}, rows.filter(r => r && r[1] != null && r[1] !== '')
        .flatMap(([key, value]) => [el('dt', {}, key), el('dd', {}, String(value))])));
}

const optionsOf = page => Object.fromEntries(page.options.filter(r => r.length > 1).map(r => [r[0], r[1]]));
const samplesText = (o, side) =>
    `${plural(+o[side + '-nc'], 'channel')} of ${o[side + '-kind']}`;

function generatorText(o) {
    const blocks = (o['net-g'].match(/^resnet_(\d+)/) || [])[1];
    if (blocks)
        return `ResNet with ${blocks} blocks, ${o.ngf} filters`;
    return (o['net-g'] === 'encoder_decoder' ? 'Encoder-decoder' : 'U-Net') +
        (+o.depth ? `, ${o.depth} levels` : '') + `, ${o.ngf} filters`;
}

function discriminatorText(o) {
    if (o['gan-mode'] === 'none')
        return 'none';
    return (o['net-d'] === 'pixel' ? '1 × 1 convolutions' : `PatchGAN of ${o['n-layers-d']} layers`) +
        `, ${o.ndf} filters`;
}

const weightsText = n => n ? `, ${millions(n)} weights` : '';

function devicesFacts(devices) {
    return facts('Device', !devices || !devices.length ? [['Name', 'not recorded']] : devices.flatMap(d => [
        [devices.length > 1 ? `From step ${count(d.step)}` : 'Name', d.name],
        ['Driver', `${d.driver || '?'} ${d.driver_version}, Vulkan ${d.api_version}`],
    ]));
}

function optionsTable(page) {
    const row = r => r.length === 1
        ? el('tr', {}, el('th', { colspan: 3, scope: 'colgroup' }, r[0]))
        : el('tr', { class: r[3] ? 'usual' : null },
            el('td', {}, '--' + r[0]), el('td', {}, r[1] || '–'), el('td', { class: 'dim' }, r[2]));
    return el('details', {}, el('summary', {}, 'All options'),
        el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'All options' },
            el('table', { class: 'options' },
                el('thead', {}, el('tr', {},
                    ['option', 'value', 'meaning'].map(t => el('th', { scope: 'col' }, t)))),
                el('tbody', {}, page.options.map(row)))));
}

// Which outputs are shown: "newest checkpoint, step 1,000, averaged weights, mode stable".
function outputsText(o) {
    return [o.chosen, o.step == null ? null : `step ${count(o.step)}`,
        o.average ? 'averaged weights' : null, `mode ${o.mode}`].filter(Boolean).join(', ');
}

const evaluatedOutputs = e => ({ ...e, chosen: e.chosen && e.chosen + ' checkpoint' });

// Validations use the average, where there is one, in mode stable.
const validatedOutputs = (page, g) =>
    ({ chosen: 'newest validation', step: g.step, average: +optionsOf(page).ema > 0, mode: 'stable' });

// How they become what the networks see.
function imagesText(o) {
    const crop = `${o['crop-size']} pixels`;
    const text = {
        resize_and_crop: `resized to ${o['load-size']}, cropped to ${crop}`,
        crop: `cropped to ${crop}`,
        scale_width: `scaled to a width of ${o['load-size']}, the middle of ${crop}`,
        scale_width_and_crop: `scaled to a width of ${o['load-size']}, cropped to ${crop}`,
    }[o.preprocess] || `${crop}, as they are`;
    return text + (o['no-flip'] === 'true' ? '' : ', mirrored at random');
}

function runConfiguration(page, run) {
    const o = optionsOf(page);
    const optimiser = o.optimizer === 'sgd' ? `SGD, momentum ${o.momentum}` : `Adam, beta1 ${o.beta1}`;
    return [
        el('div', { class: 'facts' },
            facts('Data', [
                ['Folder', o.data],
                ['Pairs', run && run.train ? `${count(run.train.pairs)} to train` +
                    (run.val ? `, ${count(run.val.pairs)} to validate` : '') : null],
                ['Direction', o.direction === 'BtoA' ? 'B to A' : 'A to B'],
                ['Samples', `input ${samplesText(o, 'input')}, target ${samplesText(o, 'output')}`],
                ['Images', imagesText(o)],
            ]),
            facts('Networks', [
                ['Generator', generatorText(o) + weightsText(run && run.weights_g)],
                ['Discriminator', discriminatorText(o) + weightsText(run && run.weights_d)],
                ['Norm', { batch: 'batch norm', instance: 'instance norm', none: 'none' }[o.norm]],
                ['Upsampling', o.upsample === 'resize' ? 'repeated pixels and convolution' : 'transposed convolution'],
            ]),
            facts('Training', [
                ['Losses', (o['gan-mode'] === 'none' ? 'no GAN' : `GAN: ${o['gan-mode']}`) + `, L1 times ${o['lambda-l1']}`],
                ['Optimiser', `${optimiser}, learning rate ${o.lr}`],
                ['Schedule', `${o['n-epochs']} epochs, ${o['n-epochs-decay']} of decay (${o['lr-policy']})` +
                    (o.steps !== '0' ? `, at most ${count(+o.steps)} steps` : '')],
                ['Batch', plural(+o['batch-size'], 'image') + (+o.accumulate > 1 ? `, gradients of ${o.accumulate} added` : '')],
                ['Precision', { f32: '32 bits (f32)', f16: '16 bits (f16), with loss scales', bf16: '16 bits (bf16)' }[o.precision]],
                ['Average', +o.ema > 0 ? `moving average of G, decay ${o.ema}` : null],
                ['Seed', o.seed],
            ]),
            devicesFacts(run && run.devices)),
        optionsTable(page),
    ];
}

function evaluationConfiguration(page) {
    const e = page.evaluation, o = optionsOf(page);
    return [el('div', { class: 'facts' },
        facts('Pairs', [
            ['Model', e.model],
            ['Weights', [e.file, outputsText(evaluatedOutputs(e))].join(', ')],
            ['Data', e.data], ['Split', e.split],
            ['Pairs', count(e.pairs) + (e.broken ? `, and ${e.broken} that cannot be read` : '')],
            ['Direction', o.direction === 'BtoA' ? 'B to A' : 'A to B'],
        ]),
        facts('Network', [['Generator', generatorText(o)], ['Images', `${o['crop-size']} pixels`]]),
        devicesFacts(e.devices))];
}

// ---------------------------------------------------------------------------
// The page

// What the run was warned of comes before anything else. Older runs have no list.
function warnings(run) {
    const list = run && Array.isArray(run.warnings) ? run.warnings : [];
    if (list.length === 0)
        return null;
    return el('section', { class: 'note warnings', 'aria-label': 'Warnings' },
        el('p', {}, el('strong', {}, plural(list.length, 'warning'))),
        el('ul', {}, list.map(w => el('li', {}, `Step ${count(w.step)}: ${w.text}.`))));
}

function card(value, what) {
    return el('div', { class: 'card' }, el('b', {}, value), el('span', {}, what));
}

function outputsCard(o) {
    return card(o.step == null ? '–' : count(o.step),
        'step of the outputs: ' + outputsText({ ...o, step: null }));
}

const lastOf = xy => xy[1][xy[1].length - 1];

function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
}

function runCards(page, run, g) {
    const c = page.curves, cards = [];
    // The last step may have no line of its own, but has a grid.
    const step = Math.max(page.step, ...page.samples.map(s => s.step));
    if (step)
        cards.push(card(count(step) + (run && run.steps ? ` / ${count(run.steps)}` : ''), 'steps'));
    if (page.epoch)
        cards.push(card(count(page.epoch), 'epoch'));
    if (g && g.shown.length)
        cards.push(outputsCard(validatedOutputs(page, g)));
    for (const key of Object.keys(c).filter(k => k.startsWith('val_')).slice(0, 3)) {
        const m = key.slice(4), [x, y] = c[key], best = rises(m) ? Math.max(...y) : Math.min(...y);
        cards.push(card(format(lastOf(c[key])), `val ${metricName(m)} at step ${count(x[x.length - 1])}, ` +
            `best ${format(best)} at step ${count(x[y.indexOf(best)])}`));
    }
    if (c.loss_g_l1 && !g)
        cards.push(card(format(lastOf(c.loss_g_l1)), 'L1 loss, last'));
    if (c.speed)
        cards.push(card(format(median(c.speed[1])), 'images/s, median'));
    return el('div', { class: 'cards' }, cards);
}

function drawRun(page, run, g) {
    const parts = [];
    const why = g === null ? 'The outputs of the last validation, report/validation.json, are damaged. ' +
            'The next validation writes them again.'
        : !page.has_val ? 'There are no outputs of pairs here, since the data has no folder val/: put pairs ' +
            'there, and train with --val-freq.'
        : 'There are no outputs of pairs here, since the run has not been validated yet: train with ' +
            '--val-freq.';
    parts.push(['outputs', 'Outputs', g && g.shown.length
        ? [galleryText(g, `Pairs of val/ (${outputsText(validatedOutputs(page, g))})`), ...gallery(g)] : [note(why)]]);
    parts.push(['samples', 'Time line', page.samples.length ? [
        el('p', { class: 'dim' }, page.samples.length < page.sample_count
            ? `Sample grids of the run, ${page.samples.length} of ${page.sample_count}: the images of a page ` +
              'take at most 20 MB.'
            : 'Sample grids of the run.',
        ' They show training images in that step, with its dropout and without an average.'), timeLine(page.samples)]
        : [note(page.sample_count ? 'The sample grids are too large for a page: see samples/.'
            : 'There are no sample grids yet.')]]);
    parts.push(['curves', 'Curves', Object.keys(page.curves).length ? charts(page.curves)
        : [note('No step has been logged yet.')]]);
    parts.push(['configuration', 'Configuration', runConfiguration(page, run)]);
    return parts;
}

function evaluationTable(page) {
    const e = page.evaluation;
    return el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Scores' }, el('table', {},
        el('thead', {}, el('tr', {}, ['metric', 'mean', 'median', '95 % interval of the mean', 'copied input',
            'mean colour'].map(t => el('th', { scope: 'col' }, t)))),
        el('tbody', {}, e.totals.map(([m, mean, middle, low, high, copy, flat]) => el('tr', {}, el('th', { scope: 'row' }, metricName(m)),
            [mean, middle].map(v => el('td', {}, format(v))),
            el('td', {}, `${format(low)} – ${format(high)}`),
            [copy, flat].map(v => el('td', {}, format(v))))))));
}

function drawEvaluation(page, g) {
    const e = page.evaluation;
    return [
        ['outputs', 'Outputs', g && g.shown.length ? [galleryText(g, `Pairs of ${e.split}/ (${outputsText(evaluatedOutputs(e))})`), ...gallery(g)]
            : [note('There are no outputs.')]],
        ['scores', 'Scores', [
            el('p', { class: 'dim' }, `Means over ${plural(e.pairs, 'pair')}, beside two baselines: the input itself, ` +
                'and the mean colour of the training targets.'), evaluationTable(page)]],
        ['configuration', 'Configuration', evaluationConfiguration(page)],
    ];
}

function themeButton() {
    const names = ['auto', 'light', 'dark'];
    let at = 0;
    const change = () => document.dispatchEvent(new Event('theme'));
    const button = el('button', {
        type: 'button',
        onclick: () => {
            at = (at + 1) % names.length;
            if (at)
                document.documentElement.dataset.theme = names[at];
            else
                delete document.documentElement.dataset.theme;
            label();
            change();
        },
    });
    const label = () => {
        button.setAttribute('aria-label', `Theme: ${names[at]}`);
        button.replaceChildren('◐', el('span', { class: 'wide-only' }, ` Theme: ${names[at]}`));
    };
    label();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', change);
    return button;
}

function draw() {
    const page = read('page-data'), run = read('run-data'), g = read('gallery-data');
    const box = document.getElementById('report');
    if (!page) {
        box.append(note('The data of this page is damaged.'));
        return;
    }
    const is_run = page.kind === 'run';
    const parts = is_run ? drawRun(page, run, g) : drawEvaluation(page, g);
    const device = run && run.devices && run.devices.length ? run.devices[run.devices.length - 1].name : null;
    const line = is_run ? ['pix2pix ' + page.version, device].filter(Boolean).join(' · ')
        : `pix2pix ${page.version} · ${page.evaluation.devices[0].name}`;
    box.replaceChildren(
        el('p', { class: 'dim' }, line),
        warnings(run) || '',
        is_run ? runCards(page, run, g) : el('div', { class: 'cards' },
            outputsCard(evaluatedOutputs(page.evaluation)),
            page.evaluation.totals.slice(0, 5).map(t => card(format(t[1]), metricName(t[0]) + ', mean'))),
        page.damaged_lines ? note(`${plural(page.damaged_lines, 'line')} of metrics.jsonl ` +
            'cannot be read and is missing in the curves.') : '',
        el('nav', { class: 'top', 'aria-label': 'Sections' },
            parts.map(([id, title]) => el('a', { href: '#' + id }, title)), themeButton()),
        el('main', {}, parts.map(([id, title, children]) => section(id, title, ...children))),
        el('footer', {}, el('p', { class: 'dim' }, 'Charts: uPlot, © Leon Sorokin, MIT licence, whose text is in ' +
            'the source of this page.')));
}

// ---------------------------------------------------------------------------
// Charts whose data stands beside them

// A range that holds all points of an axis, where the data does not say one.
function rangeOf(axis, values, fromZero) {
    if (axis.high)
        return [axis.low, axis.high];
    const low = Math.min(...values), high = Math.max(...values);
    return axis.log ? [low / 1.25, high * 1.25] : [fromZero ? 0 : low, high * 1.1];
}

// Where a logarithmic axis has numbers: at 1, and at 2 and 5 where there is room.
function logTicks([low, high]) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
        for (const digit of high / low < 500 ? [1, 2, 5] : [1])
            ticks.push(digit * 10 ** power);
    return ticks.filter(v => v >= low && v <= high);
}

function drawChart(figure) {
    const spec = JSON.parse(figure.querySelector('script').textContent);
    const rows = spec.categories.length, all = spec.series.flatMap(s => s.points);
    const plot = el('div', { class: 'plot', role: 'img', 'aria-label':
        `${figure.querySelector('figcaption').textContent}. The tables have the numbers.` });
    const hint = el('div', { class: 'hint dim' });
    const entries = [...new Map(spec.series.filter(s => s.name).map(s => [s.name, s])).values()];
    const legend = el('p', { class: 'dim' }, entries.flatMap(s =>
        [el('span', { class: 'key', style: `background:var(${s.colour})` }), s.name + '\u2003']));
    figure.append(plot, legend, hint);
    if (all.length === 0)
        return;
    const height = rows ? 70 + rows * (spec.series.length > 1 ? 36 : 28) : 340;
    const xs = rangeOf(spec.x, all.map(p => p[0]), rows > 0);
    const ys = rows ? [-0.6, rows - 0.4] : rangeOf(spec.y, all.map(p => p[1]), false);
    let spots = [];    // what can be pointed at: place, text, mark

    function paintLine(ctx, places, dashed) {
        ctx.lineWidth = (dashed ? 1.5 : 2) * devicePixelRatio;
        ctx.setLineDash(dashed ? [5 * devicePixelRatio, 4 * devicePixelRatio] : []);
        ctx.beginPath();
        places.forEach(([x, y], i) => i ? ctx.lineTo(x, y) : ctx.moveTo(x, y));
        ctx.stroke();
        ctx.setLineDash([]);
    }

    function paintMark(u, mark, [x, y], size, at) {
        const ctx = u.ctx, ratio = devicePixelRatio;
        if (mark === 'bars') {
            const top = u.valToPos(at - size / 2, 'y', true), bottom = u.valToPos(at + size / 2, 'y', true);
            ctx.fillRect(u.bbox.left, top, x - u.bbox.left, bottom - top);
        } else if (mark !== 'dashes') {
            ctx.beginPath();
            ctx.arc(x, y, (mark === 'circles' ? 3 + 15 * Math.sqrt(size) : 4.5) * ratio, 0, 2 * Math.PI);
            ctx.globalAlpha = mark === 'circles' ? 0.55 : 1;
            ctx.fill();
            ctx.globalAlpha = 1;
            ctx.lineWidth = ratio;
            ctx.stroke();
        }
    }

    function placesOf(u, s) {
        return s.points.map(p => [u.valToPos(p[0], 'x', true), u.valToPos(p[1], 'y', true)]);
    }

    function paintLabels(u, s) {
        const ctx = u.ctx, ratio = devicePixelRatio, atEnd = s.mark === 'dashes', atBar = s.mark === 'bars';
        ctx.fillStyle = colour('--dim').trim();
        ctx.textAlign = atEnd ? 'right' : 'left';
        ctx.textBaseline = atBar ? 'middle' : 'alphabetic';
        placesOf(u, s).forEach(([px, py], i) => {
            if (s.points[i][4])
                ctx.fillText(s.points[i][4], px + (atEnd ? -4 : 6) * ratio, py + (atBar ? 0.5 : atEnd ? 15 : -6) * ratio);
        });
    }

    // uPlot calls it for each series; it has drawn axes and grid.
    function paint(u, index) {
        const s = spec.series[index - 1], ctx = u.ctx, ratio = devicePixelRatio, tint = colour(s.colour).trim();
        const places = placesOf(u, s);
        ctx.save();
        ctx.beginPath();
        ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width + (rows ? 48 * ratio : 0), u.bbox.height);
        ctx.clip();
        ctx.strokeStyle = tint;
        ctx.font = `${(rows && spec.series.length > 1 ? 10 : 11) * ratio}px system-ui, sans-serif`;
        if (s.mark === 'line' || s.mark === 'dashes')
            paintLine(ctx, places, s.mark === 'dashes');
        ctx.fillStyle = tint;
        s.points.forEach(([, y, size, text], i) => {
            const [px, py] = places[i];
            paintMark(u, s.mark, places[i], size, y);
            if (text)
                spots.push([(px - u.bbox.left) / ratio, (py - u.bbox.top) / ratio, text, s.mark]);
        });
        // The bars of the next series would cover labels.
        if (s.mark !== 'bars')
            paintLabels(u, s);
        else if (index === spec.series.length)
            spec.series.forEach(t => paintLabels(u, t));
        ctx.restore();
        return null;
    }

    function point(e) {
        let best = '', near = 20;
        for (const [x, y, text, mark] of spots) {
            const d = mark === 'bars' ? 2.5 * Math.abs(e.offsetY - y) + (e.offsetX > x + 60 ? 99 : 0)
                : Math.hypot(e.offsetX - x, e.offsetY - y);
            if (d < near)
                [near, best] = [d, text];
        }
        hint.textContent = best;
    }

    function create(width) {
        const names = spec.categories, side = Math.min(330, Math.round(width * 0.42));
        const most = Math.floor(side / 7.6);
        const fit = name => name.length > most ? name.slice(0, most - 1) + '…' : name;
        const font = '12px system-ui, sans-serif';
        const axis = { stroke: () => colour('--dim'), font, labelFont: font, labelSize: 18,
            grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false } };
        const own = [...new Set(all.map(p => p[0]))].sort((a, b) => a - b);
        const numbers = (scale, range, ticks) => scale.log ? {
            splits: () => ticks || logTicks(range), filter: (chart, splits) => splits,
            values: (chart, splits) => splits.map(v => String(+v.toPrecision(6))),
        } : {};
        const y = rows
            ? { ...axis, size: side, grid: { show: false }, splits: () => names.map((n, i) => i),
                values: () => names.map(fit) }
            : { ...axis, size: 52, label: spec.y.label, ...numbers(spec.y, ys) };
        return new uPlot({
            mode: 2, width, height, legend: { show: false }, cursor: { show: false },
            padding: [8, rows ? 48 : 20, 0, 0],
            scales: {
                x: { time: false, auto: false, range: () => xs, ...(spec.x.log ? { distr: 3 } : {}) },
                y: { auto: false, range: () => ys, ...(rows ? { dir: -1 } : spec.y.log ? { distr: 3 } : {}) },
            },
            axes: [{ ...axis, label: spec.x.label, size: 34,
                ...numbers(spec.x, xs, spec.series.some(s => s.mark === 'line') ? own : null) }, y],
            series: [{}, ...spec.series.map(() => ({
                facets: [{ scale: 'x', auto: false }, { scale: 'y', auto: false }], paths: paint,
            }))],
            hooks: { drawClear: [() => {
                spots = [];
            }] },
        }, [null, ...spec.series.map(s => [s.points.map(p => p[0]), s.points.map(p => p[1])])], plot);
    }

    let u = null, before = 0;
    new ResizeObserver(() => {
        const width = Math.floor(plot.clientWidth);
        if (width === 0 || width === before)
            return;
        before = width;
        if (u)
            u.destroy();
        u = plot.chart = create(width);
        u.over.addEventListener('mousemove', point);
        u.over.addEventListener('mouseleave', () => {
            hint.textContent = '';
        });
    }).observe(plot);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => u && u.redraw(false, true));
}

if (document.getElementById('report'))
    draw();
document.querySelectorAll('.drawn').forEach(drawChart);
