// One channel over the window that was judged: measured against what a healthy machine would have shown.
import { clock, el, number, svg, when, withUnit } from './dom.js';
import { t } from './strings.js';

const height = 200;
const margin = { left: 58, right: 16, top: 14, bottom: 26 };
const spreads = 3;
const patch = 4; // rows that the means before the onset and of now are of

// Step of about n ticks: 1, 2 or 5 times a power of ten.
function niceStep(range, n) {
	const raw = range / n, power = 10 ** Math.floor(Math.log10(raw));
	const rest = raw / power;

	return (rest > 5 ? 10 : rest > 2 ? 5 : rest > 1 ? 2 : 1) * power;
}

function ticks(low, high, n) {
	const step = niceStep(high - low, n), list = [];

	for (let i = Math.ceil(low / step); i * step <= high; i++)
		list.push(i * step);
	return list;
}

// The column of a window: values (null: no reading), expectations, times.
function column(window, index) {
	const from = Date.parse(window.from), period = window.period_s * 1000;

	return {
		n: window.value.length,
		value: window.value.map((row) => row[index] ?? null),
		expected: window.expected.map((row) => row[index] ?? null),
		timeOf: (row) => from + row * period,
		rowOf: (time) => (Date.parse(time) - from) / period,
	};
}

function extent(data, channel) {
	const band = spreads * (channel.spread ?? 0);
	const all = [...data.value, ...data.expected.flatMap((v) => (v === null ? [] : [v - band, v + band]))];

	all.push(...[channel.limit, channel.before, channel.now].filter(Number.isFinite));
	const known = all.filter((v) => v !== null);
	let low = Math.min(...known), high = Math.max(...known);
	if (!known.length)
		[low, high] = [0, 1];
	const room = (high - low || Math.abs(high) || 1) * 0.08;
	return [low - room, high + room];
}

function makeScale(data, channel, width) {
	const [low, high] = extent(data, channel);
	const right = width - margin.right, bottom = height - margin.bottom;
	const last = Math.max(data.n - 1, 1);

	return {
		low, high, right, bottom,
		x: (row) => margin.left + (Math.min(Math.max(row, 0), last) / last) * (right - margin.left),
		y: (value) => bottom - ((value - low) / (high - low)) * (bottom - margin.top),
		rowAt: (x) => Math.round(((x - margin.left) / (right - margin.left)) * last),
	};
}

// Runs of neighbouring readings as "M x y L x y ..."; what was not measured stays open.
function path(values, scale) {
	let text = '', open = false;

	values.forEach((value, row) => {
		if (value !== null)
			text += `${open ? 'L' : 'M'}${scale.x(row).toFixed(1)} ${scale.y(value).toFixed(1)}`;
		open = value !== null;
	});
	return text;
}

// A reading between two gaps has no line to be part of.
function lonely(values, scale) {
	return values.flatMap((value, row) =>
		(value !== null && (values[row - 1] ?? null) === null && (values[row + 1] ?? null) === null
			? [svg('circle', { class: 'measured-point', cx: scale.x(row), cy: scale.y(value), r: 2 })] : []));
}

function bandPath(data, spread, scale) {
	const rows = data.expected.map((value, row) => [row, value]).filter(([, value]) => value !== null);
	const edge = (sign) => rows.map(([row, value]) =>
		`${scale.x(row).toFixed(1)} ${scale.y(value + sign * spreads * spread).toFixed(1)}`);

	return rows.length ? `M${edge(1).join('L')}L${edge(-1).reverse().join('L')}Z` : '';
}

function axes(data, scale, width) {
	const parts = [];

	for (const value of ticks(scale.low, scale.high, 4)) {
		const y = scale.y(value);
		parts.push(svg('line', { class: 'grid', x1: margin.left, x2: scale.right, y1: y, y2: y }));
		parts.push(svg('text', { class: 'tick', x: margin.left - 6, y: y + 4, 'text-anchor': 'end' }, number(value)));
	}
	const n = width > 480 ? 4 : 2;
	for (let i = 0; i <= n; i++) {
		const row = Math.round((i / n) * (data.n - 1));
		parts.push(svg('text', {
			class: 'tick', x: scale.x(row), y: height - 6,
			'text-anchor': i === 0 ? 'start' : i === n ? 'end' : 'middle',
		}, clock(data.timeOf(row))));
	}
	return parts;
}

function onsetParts(data, event, scale) {
	if (!event.onset)
		return [];
	const x = scale.x(data.rowOf(event.onset));

	return [
		svg('rect', { class: 'mark since', x, y: margin.top, width: Math.max(scale.right - x, 0), height: scale.bottom - margin.top }),
		svg('line', { class: 'onset', x1: x, x2: x, y1: margin.top, y2: scale.bottom }),
		svg('text', {
			class: 'onset-word', y: margin.top + 10,
			x: x + (x > scale.right - 60 ? -5 : 5), 'text-anchor': x > scale.right - 60 ? 'end' : 'start',
		}, t('onset_line')),
	];
}

function limitParts(channel, scale) {
	if (!Number.isFinite(channel.limit))
		return [];
	const y = scale.y(channel.limit);

	return [svg('line', { class: 'limit', x1: margin.left, x2: scale.right, y1: y, y2: y }),
		svg('text', { class: 'tick', x: scale.right, y: y - 4, 'text-anchor': 'end' }, t('limit'))];
}

// The reading that the explanation speaks of, and how far it is from what was expected there.
function peakParts(data, channel, scale) {
	const row = Math.round(data.rowOf(channel.time));

	if (!Number.isFinite(channel.value) || Number.isNaN(row))
		return [];
	const x = scale.x(row), y = scale.y(channel.value);
	const parts = [svg('circle', { class: 'peak', cx: x, cy: y, r: 4.5 })];
	if (Number.isFinite(channel.expected)) {
		const at = scale.y(channel.expected);
		parts.unshift(svg('line', { class: 'mark gap', x1: x, x2: x, y1: at, y2: y }));
		parts.push(svg('circle', { class: 'mark expected-point', cx: x, cy: at, r: 4.5 }));
	}
	return parts;
}

// Where "before the onset" and "now" are: means of a few readings each.
function meanParts(data, channel, event, scale) {
	const onset = Math.max(Math.round(data.rowOf(event.onset)), patch);
	const last = data.value.findLastIndex((value) => value !== null);
	const bar = (name, value, to) => svg('line', {
		class: `mark ${name}-bar`, x1: scale.x(to - patch), x2: scale.x(to), y1: scale.y(value), y2: scale.y(value),
	});

	return [...(Number.isFinite(channel.before) ? [bar('from', channel.before, onset - 1)] : []),
		...(Number.isFinite(channel.now) && last >= 0 ? [bar('now', channel.now, last)] : [])];
}

function label(data, channel) {
	const start = when(data.timeOf(0));

	if (!Number.isFinite(channel.value))
		return t('chart_label_silent', channel.channel, data.n, start);
	return t('chart_label', channel.channel, data.n, start, withUnit(channel.value, channel.unit),
		withUnit(channel.expected, channel.unit), when(channel.time));
}

// What is under the pointer.
function addReadout(picture, data, channel, scale) {
	const line = svg('line', { class: 'pointer', y1: margin.top, y2: scale.bottom });
	const word = svg('text', { class: 'pointer-word', y: margin.top - 2, 'text-anchor': 'middle' });

	picture.append(line, word);
	picture.addEventListener('pointermove', (event) => {
		const row = Math.min(Math.max(scale.rowAt(event.offsetX), 0), data.n - 1), x = scale.x(row);
		line.setAttribute('x1', x);
		line.setAttribute('x2', x);
		word.setAttribute('x', Math.min(Math.max(x, 110), scale.right - 60));
		word.textContent = `${clock(data.timeOf(row))}  ${withUnit(data.value[row], channel.unit)}`;
		picture.classList.add('pointed');
	});
	picture.addEventListener('pointerleave', () => picture.classList.remove('pointed'));
}

function draw(data, channel, event, width) {
	const scale = makeScale(data, channel, width);
	const picture = svg('svg', { role: 'img', 'aria-label': label(data, channel), width, height, viewBox: `0 0 ${width} ${height}` });
	const spread = channel.spread;

	picture.append(
		...axes(data, scale, width), ...onsetParts(data, event, scale),
		...(spread > 0 ? [svg('path', { class: 'band', d: bandPath(data, spread, scale) })] : []),
		...limitParts(channel, scale),
		svg('path', { class: 'expected', d: path(data.expected, scale) }),
		svg('path', { class: 'measured', d: path(data.value, scale) }),
		...lonely(data.value, scale), ...peakParts(data, channel, scale), ...meanParts(data, channel, event, scale));
	addReadout(picture, data, channel, scale);
	return picture;
}

function legend(channel) {
	const item = (kind, word) => el('li', {}, svg('svg', { class: `key ${kind}-key`, width: 22, height: 10, 'aria-hidden': true },
		kind === 'band' ? svg('rect', { class: 'band', width: 22, height: 10 }) : svg('line', { class: kind, x1: 0, x2: 22, y1: 5, y2: 5 })), word);

	return el('ul', { class: 'legend' }, item('measured', t('measured')), item('expected', t('expected')),
		channel.spread > 0 ? item('band', t('band')) : null);
}

// Made when it is opened: for those who cannot see the line.
function table(data, channel) {
	const body = el('tbody');
	const details = el('details', {}, el('summary', {}, t('table')));

	details.addEventListener('toggle', () => {
		if (!details.open || body.children.length)
			return;
		data.value.forEach((value, row) => body.append(el('tr', {}, el('td', {}, clock(data.timeOf(row))),
			el('td', {}, withUnit(value, channel.unit)), el('td', {}, withUnit(data.expected[row], channel.unit)))));
		details.append(el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, t('time')),
			el('th', { scope: 'col' }, t('measured')), el('th', { scope: 'col' }, t('expected')))), body));
	});
	return details;
}

const watcher = new ResizeObserver((entries) => {
	for (const { target } of entries)
		target.redraw?.();
});

// A figure that draws itself anew when its width changes.
export function chart(event, index) {
	const channel = event.channels[index], data = column(event.window, index);
	const holder = el('div', { class: 'holder' });
	const figure = el('figure', { class: 'chart' },
		el('figcaption', {}, el('strong', {}, channel.channel), channel.unit ? ` (${channel.unit})` : null),
		holder, legend(channel), table(data, channel));
	let drawn = 0;

	holder.redraw = () => {
		const width = Math.max(Math.floor(holder.clientWidth), 240);
		if (width === drawn)
			return;
		drawn = width;
		holder.replaceChildren(draw(data, channel, event, width));
	};
	watcher.observe(holder);
	return figure;
}
